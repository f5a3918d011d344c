"""A run's count of records that do not count, and what it says of them while it runs."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from dataflow.event.schema import EventSchema
from dataflow.logs import logger
from dataflow.losses.limit import JUDGED_FROM_RECORDS
from dataflow.losses.loss import KEPT_BYTES, DeadLetter, LateEvent, Loss, Sort, dead_loss, is_much, late_loss, time_loss
from dataflow.losses.time_unit import misread
from dataflow.messages import NEVER_MS, Judged, Parcel
from dataflow.pipeline.names import LATE_EVENTS

STRETCH_RECORDS = 100_000
"""A run is judged in stretches of so many records: what goes wrong after a good week is told soon, too."""

QUIET_S = 300.0
"""At least so long between two warnings."""

Kind = tuple[str, str | None]


@dataclass(slots=True)
class _Stretch:
    """Counts since some record on. Examples are the first dead letter of each kind, and the event that was latest."""

    read: int = 0
    dead: int = 0
    late: int = 0
    misread: int = 0
    kinds: dict[Kind, int] = field(default_factory=dict)
    letters: dict[Kind, DeadLetter] = field(default_factory=dict)
    late_event: LateEvent | None = None
    misread_event: LateEvent | None = None


@dataclass(slots=True)
class Totals:
    """What a run, as far as this process is it, has made of its records."""

    read: int = 0
    dead: int = 0
    late: int = 0


class Tally:
    """One per process, told of every range by all of its workers. Counts are of whole columns; nothing is looked at
    record by record but the example of a new kind.
    """

    def __init__(self, schema: EventSchema, out_of_orderness_ms: int, monotonic: Callable[[], float]) -> None:
        self._schema = schema
        self._time = schema.event_time.name
        self._bound_ms = out_of_orderness_ms
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._stretch = self._former = _Stretch()
        self._stretches = 0
        self._told: set[tuple[Sort, str, str | None]] = set()
        self._told_s = -math.inf
        self._log = logger("records")
        self.totals = Totals()

    def see(self, judged: Judged, parcel: Parcel) -> Totals:
        """Count one range, and warn when more than a tenth of the stretch's records is lost; the run's totals then."""
        with self._lock:
            if judged.read:
                self._count(judged, parcel)
                if self._stretch.read >= JUDGED_FROM_RECORDS:
                    self._judge()
                if self._stretch.read >= STRETCH_RECORDS:
                    self._begin_anew()
            return Totals(self.totals.read, self.totals.dead, self.totals.late)

    def end(self) -> None:
        """The input has ended: the records are judged however few they are."""
        with self._lock:
            if self.totals.read < JUDGED_FROM_RECORDS:
                self._judge()

    def dead(self) -> Loss | None:
        """The newest dead letters; None without any."""
        with self._lock:
            return self._dead(self._stretch) or self._dead(self._former)

    def _count(self, judged: Judged, parcel: Parcel) -> None:
        stretch, line = self._stretch, parcel.range
        for each in (stretch, self.totals):
            each.read += line.read
            each.dead += line.dead
            each.late += line.late
        if judged.dead is not None and line.dead:
            self._count_kinds(judged.dead)
        if line.late:
            self._keep_latest(judged, parcel.tables[LATE_EVENTS])
        if judged.rows is not None:
            self._count_misread(judged, judged.rows)

    def _count_kinds(self, dead: pa.RecordBatch) -> None:
        reasons, fields = (dead.column(name).dictionary_encode("encode") for name in ("reason", "field"))
        assert isinstance(reasons, pa.DictionaryArray)
        assert isinstance(fields, pa.DictionaryArray)
        width = len(fields.dictionary)
        codes = reasons.indices.to_numpy().astype(np.int64) * width + fields.indices.to_numpy()
        found, first, counts = np.unique(codes, return_index=True, return_counts=True)
        for code, at, count in zip(found.tolist(), first.tolist(), counts.tolist(), strict=True):
            kind = (reasons.dictionary[code // width].as_py(), fields.dictionary[code % width].as_py())
            self._stretch.kinds[kind] = self._stretch.kinds.get(kind, 0) + count
            if kind not in self._stretch.letters:
                self._stretch.letters[kind] = _letter(dead, at)

    def _count_misread(self, judged: Judged, rows: pa.RecordBatch) -> None:
        event_time = rows.column(self._time).to_numpy()
        found = misread(self._schema.event_time, event_time)
        if found is None:
            return
        count, at_ms = found
        self._stretch.misread += count
        if self._stretch.misread_event is None:
            offset = rows.column("offset")[int(np.argmax(event_time == at_ms))].as_py()
            self._stretch.misread_event = LateEvent(judged.topic, judged.partition, offset, at_ms, None, 0)

    def _keep_latest(self, judged: Judged, late: pa.RecordBatch) -> None:
        by_ms = late.column("late_by_ms").to_numpy()
        at, known = int(np.argmax(by_ms)), self._stretch.late_event
        if known is not None and known.late_by_ms >= by_ms[at]:
            return
        offset, at_ms, watermark = (
            late.column(name).cast(pa.int64())[at].as_py() for name in ("offset", "event_time", "watermark")
        )
        newest_ms = None if watermark == NEVER_MS else watermark + self._bound_ms
        self._stretch.late_event = LateEvent(judged.topic, judged.partition, offset, at_ms, newest_ms, int(by_ms[at]))

    def _judge(self) -> None:
        kind = self._kind()
        if kind is None or kind in self._told or self._monotonic() - self._told_s < QUIET_S:
            return
        loss = self._loss(kind[0])
        if loss is not None:
            self._told.add(kind)
            self._told_s = self._monotonic()
            self._log.warning(loss.said, **loss.facts(), fix=loss.cause.fix)

    def _kind(self) -> tuple[Sort, str, str | None] | None:
        """What is worth a warning, if anything is: of dead letters with the commonest reason and field."""
        stretch = self._stretch
        if is_much(stretch.dead, stretch.read):
            return ("dead", *_commonest(stretch))
        if is_much(stretch.late, stretch.read):
            return ("late", "", None)
        return ("time", "", None) if is_much(stretch.misread, stretch.read) else None

    def _loss(self, sort: Sort) -> Loss | None:
        stretch = self._stretch
        if sort == "late" and stretch.late_event is not None:
            return late_loss((stretch.late, stretch.read), self._among(), stretch.late_event, self._schema)
        if sort == "time" and stretch.misread_event is not None:
            return time_loss((stretch.misread, stretch.read), self._among(), stretch.misread_event, self._schema)
        return self._dead(stretch)

    def _dead(self, stretch: _Stretch) -> Loss | None:
        if not stretch.kinds:
            return None
        kind = _commonest(stretch)
        letter, count = stretch.letters[kind], stretch.kinds[kind]
        return dead_loss((stretch.dead, stretch.read), self._among(), kind, count, letter, self._schema)

    def _among(self) -> str:
        return "newest records" if self._stretches else "records of this run"

    def _begin_anew(self) -> None:
        if self._kind() is None:
            # all is well again: what comes back is news
            self._told.clear()
        self._former, self._stretch = self._stretch, _Stretch()
        self._stretches += 1


def _commonest(stretch: _Stretch) -> Kind:
    return max(stretch.kinds, key=stretch.kinds.__getitem__)


def _letter(dead: pa.RecordBatch, at: int) -> DeadLetter:
    topic, partition, offset, message = (
        dead.column(name)[at].as_py() for name in ("topic", "partition", "offset", "message")
    )
    value = dead.column("value")[at].as_py()
    return DeadLetter(topic, partition, offset, None if value is None else value[:KEPT_BYTES], message)
