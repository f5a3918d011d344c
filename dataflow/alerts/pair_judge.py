"""One alert rule over pairs of events: which pairs, or events alone, have come to be alerts with a commit."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.alerts import candidates
from dataflow.alerts.candidates import PARTITION, SIDE, TIME, Candidates, Waiting, later
from dataflow.alerts.pair_places import Places
from dataflow.alerts.pair_texts import RAISED, RETRACTED, Told, changes_of
from dataflow.alerts.pairing import BIT, NONE, Neighbours
from dataflow.alerts.windows import START, Span, times_ms
from dataflow.columnar.codes import encode
from dataflow.columnar.types import Bools, Int32s, Int64s, Positions
from dataflow.messages import NEVER_MS
from dataflow.own_columns import EVENT_PLACE
from dataflow.pipeline.pair_plan import IS_SIDE, PairPlan
from dataflow.pipeline.tables import ALERT_SCHEMA, TableSpec, rollup_tables

BLOCK_MS = 600_000
"""Events that are over are read back by stretches of event time no shorter than that."""

MOST_ROWS = 2_000_000
"""So many events a rule holds in memory before it forgets those that were over and came back for others."""

DUE_ROWS = 500_000
"""So many events that are due are judged at once."""

EVENT_BYTES, WAITING_BYTES = 33, 12
"""What an event takes in memory beside its key and what it carries, and more where it waits to be judged alone."""

_EVER_MS = 2**63 - 1
_PARTITION, _OFFSET = (field.name for field in EVENT_PLACE)
_COUNT = "row_count"


class PairStore(Protocol):
    """Where events are read back that are not in memory."""

    def events(self, spans: Sequence[Span], schema: pa.Schema) -> Iterable[pa.Table]:
        """The rule's evidence of times in [start, end) of one of these spans; what is being judged now is not.

        In `schema`, which has some of its columns, and in pieces, so that it is never here as a whole.
        """
        ...

    def changes(self, spans: Sequence[Span]) -> pa.Table:
        """The changes of the rule's alerts whose windows begin in one of them."""
        ...

    def judged_ms(self) -> int:
        """The frontier by which the last commit was judged, or less."""
        ...


class PairJudge:
    """Which alerts of one rule stand, as a function of all events of its evidence so far.

    In memory are all events from a time on, and older ones by stretches, where events came for these. So the memory
    may be forgotten at any time, and after a restart there is none: it is read from the store.
    """

    sides: tuple[TableSpec, ...] = ()
    """Its evidence has no side tables."""

    def __init__(self, rule: PairPlan, store: PairStore) -> None:
        self.rule = rule
        self._store = store
        (self.delta,) = rollup_tables(rule.rollup)
        self._keys = [key.name for key in rule.keys]
        self._block_ms = max(BLOCK_MS, rule.within_ms)
        self._alone = "then" if rule.missing == "first" else "first"
        lateness_ms = rule.rollup.allowed_lateness_ms
        # what has to be reached for a stretch to be final that begins with an event, or ends with it
        self._due_after_ms = lateness_ms + (rule.within_ms - 1 if self._alone == "first" else 0)
        own = [*rule.keys, *rule.carried]
        extra = [(TIME, pa.int64()), (PARTITION, pa.int32()), (_OFFSET, pa.int64()), (SIDE, pa.int8())]
        self._schema = pa.schema([*own, *(pa.field(*each) for each in extra)])
        asked = {*self._schema.names, START, _PARTITION, _COUNT, *IS_SIDE.values()}
        self._stored = pa.schema([field for field in self.delta.schema if field.name in asked])
        self._frontier_ms = NEVER_MS
        self._commits = 0
        self._from_ms = _EVER_MS
        self._clean_rows = 0
        self._older: dict[int, int] = {}
        self.forget_all()

    @property
    def rows(self) -> int:
        """How many events are in memory."""
        return self._held.rows

    @property
    def size_bytes(self) -> int:
        """Memory of these, and of events that wait to be cleaned away."""
        return self._held.size_bytes + self._waiting.size_bytes

    def due(self, frontier_ms: int) -> bool:
        """Whether such a frontier makes events due, without any row."""
        if self.rule.missing is None:
            return False
        self._begin()
        earliest_ms = self._waiting.earliest_ms
        return earliest_ms is not None and earliest_ms <= frontier_ms

    def changes(self, delta: pa.Table, *, over_ms: int, frontier_ms: int) -> pa.Table:
        """The changes of alerts, in ALERT_SCHEMA, that these merged rows of a commit, and its frontier, make.

        Alerts that need what ended by `over_ms`, which has left, are not judged.
        """
        if delta.num_rows == 0 and not self.due(frontier_ms):
            return ALERT_SCHEMA.empty_table()
        self._begin()
        self._commits += 1
        new = self._rows(delta)
        self._recall(new)
        near = self._held.near(new)
        numbers = self._held.add(new)
        self._frontier_ms = max(self._frontier_ms, min(frontier_ms, _EVER_MS))
        if self.rule.missing is None:
            return changes_of(self.rule, self._paired(near, numbers, over_ms))
        told = self._found(near, numbers, over_ms)
        self._wait(new, numbers)
        return changes_of(self.rule, [*told, *self._alone_for_good(frontier_ms, over_ms)])

    def forget(self, over_ms: int) -> None:
        """Events that can meet none later than `over_ms` need not be in memory; they leave when it is worth it.

        An absence that is not judged yet stays.
        """
        if self._held.rows <= 3 * self._clean_rows // 2 + candidates.SPARE_ROWS:
            return
        floor_ms = over_ms
        if self.rule.missing is not None:
            floor_ms = min(floor_ms, self._frontier_ms - self.rule.rollup.allowed_lateness_ms)
        floor_ms = max(self._from_ms, floor_ms - self.rule.within_ms)
        block = self._held.times // self._block_ms
        lately = [each for each, commit in self._older.items() if commit == self._commits]
        kept = np.array(list(self._older) if self._held.rows <= MOST_ROWS else lately, np.int64)
        stays = (self._held.times >= floor_ms) | np.isin(block, kept)
        self._waiting.renumber(self._held.clean(stays))
        self._from_ms = floor_ms
        self._older = {each: self._older[each] for each in kept.tolist() if each * self._block_ms < floor_ms}
        self._clean_rows = self._held.rows

    def forget_all(self) -> None:
        """What is stored has changed in another way than by what was judged here."""
        self._held = Candidates(self._schema, self._keys, self.rule.within_ms)
        self._waiting = Waiting()
        self._numbers: dict[str, int] = {}
        self._older = {}
        self._from_ms = _EVER_MS
        self._clean_rows = 0
        self._is_begun = False

    def _begin(self) -> None:
        """Read all events that on-time ones, and absences that are not judged yet, can ask for."""
        if self._is_begun:
            return
        self._is_begun = True
        back_ms = self.rule.rollup.allowed_lateness_ms + self.rule.within_ms
        judged_ms = self._store.judged_ms()
        self._from_ms = max(NEVER_MS, judged_ms - back_ms)
        self._read([(self._from_ms, _EVER_MS)], judged_ms)
        self._clean_rows = self._held.rows

    def _recall(self, new: pa.Table) -> None:
        """Read the stretches back that events ask for which are older than what is in memory."""
        times = new.column(TIME).to_numpy()
        times = times[later(times, -self.rule.within_ms) < self._from_ms]
        steps = (-self.rule.within_ms, 0, self.rule.within_ms)
        blocks = np.unique(np.concatenate([later(times, step) // self._block_ms for step in steps]))
        wanted = [each for each in blocks.tolist() if each * self._block_ms < self._from_ms]
        size_ms = self._block_ms
        spans = [
            (max(each * size_ms, NEVER_MS), min((each + 1) * size_ms, self._from_ms))
            for each in wanted
            if each not in self._older
        ]
        self._older.update(dict.fromkeys(wanted, self._commits))
        if spans:
            self._read(spans)

    def _read(self, spans: Sequence[Span], judged_ms: int | None = None) -> None:
        """Hold what is stored of these times, and know which of it is told.

        Where `judged_ms` is given, absences that it did not make due wait.
        """
        told = self._told_in(spans)
        for piece in self._store.events(spans, self._stored):
            rows = self._rows(piece)
            numbers = self._held.add(rows)
            places = rows.column(PARTITION).to_numpy(), rows.column(_OFFSET).to_numpy()
            self._held.told[numbers] = told.changes_at(*places)
            if judged_ms is not None:
                self._wait(rows, numbers, judged_ms)

    def _told_in(self, spans: Sequence[Span]) -> Places:
        """The newest changes of absences whose events are of these times."""
        if self.rule.missing is None:
            return Places.none()
        back_ms = 0 if self._alone == "first" else self.rule.within_ms - 1
        changes = self._store.changes([(max(NEVER_MS, start - back_ms), end - back_ms) for start, end in spans])
        return Places.told(changes, self._alone, self._number)

    def _rows(self, delta: pa.Table) -> pa.Table:
        """Evidence in the memory's form; without rows that only say that an event was late."""
        counted = delta.column(_COUNT).to_numpy() > 0
        if not counted.all():
            delta = delta.filter(pa.array(counted))
        partitions = encode(delta.column(_PARTITION).combine_chunks())
        names = [self._number(name) for name in partitions.values.to_pylist()]
        side = np.zeros(delta.num_rows, np.int8)
        for name, bit in BIT.items():
            side |= np.int8(bit) * (delta.column(IS_SIDE[name]).to_numpy() > 0)
        own: dict[str, Int64s | Int32s | npt.NDArray[np.int8]] = {
            TIME: times_ms(delta, START),
            PARTITION: np.array(names, np.int32)[partitions.of_row],
            SIDE: side,
        }
        columns = [
            pa.array(own[field.name], field.type) if field.name in own else delta.column(field.name)
            for field in self._schema
        ]
        return pa.Table.from_arrays(columns, schema=self._schema)

    def _number(self, partition: str) -> int:
        return self._numbers.setdefault(partition, len(self._numbers))

    def _paired(self, near: Positions, numbers: Positions, over_ms: int) -> list[Told]:
        """What has changed of a sequence: pairs of new events, and of known ones with a nearer first event."""
        part = self._neighbours(np.concatenate([near, numbers]))
        is_new = np.arange(part.count) >= len(near)
        # its first event may have left
        judged = later(part.times, 1 - self.rule.within_ms) >= over_ms
        thens, firsts = part.of("then") & judged, part.of("first")
        known = np.flatnonzero(thens & ~is_new)
        known = known[part.firsts_of(known, np.flatnonzero(firsts & is_new)) != NONE]
        was = part.firsts_of(known, np.flatnonzero(firsts & ~is_new))
        asked = np.concatenate([known, np.flatnonzero(thens & is_new)])
        becomes = part.firsts_of(asked, np.flatnonzero(firsts))
        told = np.full(len(asked), NONE, np.intp)
        told[: len(known)] = was
        gone = (told != NONE) & (told != becomes)
        new = (becomes != NONE) & (told != becomes)
        return [
            self._told(RETRACTED, part, first=told[gone], then=asked[gone]),
            self._told(RAISED, part, first=becomes[new], then=asked[new]),
        ]

    def _found(self, near: Positions, numbers: Positions, over_ms: int) -> list[Told]:
        """Absences that were told, and are none with these events."""
        at = np.concatenate([near, numbers])
        part = self._neighbours(at)
        is_new = np.arange(part.count) >= len(near)
        known = np.flatnonzero((self._held.told[at] == RAISED) & self._judged(part, over_ms))
        known = known[part.is_met(self._alone, known, is_new)]
        self._held.told[at[known]] = RETRACTED
        return [self._told(RETRACTED, part, **{self._alone: known})]

    def _wait(self, rows: pa.Table, numbers: Positions, judged_ms: int | None = None) -> None:
        """Absences are judged once nothing on time can end them; those that `judged_ms` made due have been."""
        if self.rule.missing is None:
            return
        waits = (rows.column(SIDE).to_numpy() & BIT[self._alone]) > 0
        waits &= self._held.told[numbers] == 0
        due_ms = later(rows.column(TIME).to_numpy(), self._due_after_ms)
        if judged_ms is not None and judged_ms > NEVER_MS:
            waits &= due_ms > judged_ms
        self._waiting.add(due_ms[waits], numbers[waits])

    def _alone_for_good(self, frontier_ms: int, over_ms: int) -> list[Told]:
        """The absences that this frontier makes certain."""
        due, told = self._waiting.take(frontier_ms), []
        for begin in range(0, len(due), DUE_ROWS):
            some = due[begin : begin + DUE_ROWS]
            at = self._held.near(self._held.take(some))
            part = self._neighbours(at)
            asked = np.searchsorted(at, some)
            asked = asked[self._judged(part, over_ms)[asked]]
            asked = asked[~part.is_met(self._alone, asked)]
            self._held.told[at[asked]] = RAISED
            told.append(self._told(RAISED, part, **{self._alone: asked}))
        return told

    def _judged(self, part: Neighbours, over_ms: int) -> Bools:
        """Of which events nothing that decides has left."""
        back_ms = 0 if self._alone == "first" else self.rule.within_ms - 1
        answer: Bools = later(part.times, -back_ms) >= over_ms
        return answer

    def _neighbours(self, at: Positions) -> Neighbours:
        names = list(self._numbers)
        ranks = np.empty(len(names), np.int64)
        ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        return Neighbours(self.rule, self._held.take(at), ranks)

    def _told(self, change: int, part: Neighbours, **sides: Positions) -> Told:
        names = pa.array(list(self._numbers), pa.string())
        found = {}
        for side, at in sides.items():
            rows = part.rows.take(pa.array(at))
            found[side] = rows.append_column(_PARTITION, names.take(rows.column(PARTITION).combine_chunks()))
        return Told(change, found)
