"""The lake that is served, as a question sees it: a snapshot, the pipeline's definition, reports, who is active."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from dataflow.errors import LakeMissing, TidemillError
from dataflow.pipeline.names import LEDGER
from dataflow.sql import quoted
from query.cells import Column, Style, cells
from query.definition import lake_definition
from query.duck import duckdb
from query.moment import EPOCH, AsOf, parse_as_of
from query.reader import LakeReader, LakeSnapshot
from query.recent import Held, Limits, RecentReader
from query.reports import Shelf, reports_folder
from query.zones import known_zone
from serve.boards import board_files, boards_folder
from serve.reader import open_reader
from serve.totals import LedgerTotals
from sinks.lake.catalog.sqlite import CATALOG_NAME, missing
from sinks.lake.tables.definition import Definition
from sinks.lake.tables.finality import Stand, frontier_ms, is_active

_KEPT = 16
"""So many older snapshots stay open for those who turn their pages."""

BEHIND_S = 0.5
"""While a commit is being taken in, questions are answered from the snapshot before, for so long at most."""


class Place(NamedTuple):
    """Where one source partition stands at a snapshot. `since_us`: when it last had records, or was first there."""

    name: str
    end_offset: int
    newest_ms: int | None
    watermark_ms: int | None
    since_us: int
    final: bool


class LakeAt(NamedTuple):
    """One snapshot of the served lake, asked at `now`.

    `token` differs between any two states of any lakes: another lake, a restored backup and a snapshot of the same
    number made anew have others.
    """

    snapshot: LakeSnapshot
    reader: LakeReader
    definition: Definition
    shelf: Shelf
    places: Sequence[Place]
    token: str
    now: datetime
    known_types: dict[tuple[int, str], dict[str, str]]
    boards: Path | None = None

    def board_files(self) -> list[Path]:
        """The files of the page's boards, by name."""
        return [] if self.boards is None else board_files(self.boards)

    def active(self) -> tuple[bool, ...]:
        """Which source partitions are active now; windows become final as well when one is idle for long enough."""
        now_us = (self.now - EPOCH) // timedelta(microseconds=1)
        idle_ms = self.definition.idle_timeout_ms
        return tuple(is_active(place.since_us, now_us, idle_ms) for place in self.places)

    def types(self, name: str) -> dict[str, str]:
        """The columns of a table or view, with DuckDB's names of their types."""
        key = (self.snapshot.resolved.snapshot.schema_version, name)
        found = self.known_types.get(key)
        if found is None:
            columns = self.snapshot.texts(f"SELECT * FROM {quoted(name)} LIMIT 0", cells_of).columns
            found = self.known_types[key] = {column.name: str(column.kind) for column in columns}
        return found

    def frontier_ms(self) -> int:
        """The watermark that decides which windows are final."""
        active = self.active()
        return frontier_ms(
            [Stand(place.watermark_ms, on, place.final) for place, on in zip(self.places, active, strict=True)]
        )


class ServedLake:
    """The lake in `folder` for any number of threads, whether it is there, comes, goes or is replaced by another.

    `pipeline`: the file whose reports are served, PATH[:NAME]; None serves those of rollups alone.
    """

    def __init__(
        self, folder: Path, pipeline: str | None, clock: Callable[[], datetime], limits: Limits | None = None
    ) -> None:
        """`limits`: of what is kept in memory."""
        self.folder = folder.resolve()
        self.clock = clock
        self._limits = limits or Limits()
        # a folder that cannot be there
        self._reports = self.folder / CATALOG_NAME / "reports" if pipeline is None else reports_folder(pipeline)
        self.boards: Path | None = None if pipeline is None else boards_folder(pipeline)
        self._lock = threading.Lock()
        self._ahead: Callable[[LakeAt], None] = _nothing
        self._hear: Callable[[], None] = _nobody
        self._seen: LakeSnapshot | None = None
        self._known: LakeAt | None = None
        self._kept: OrderedDict[tuple[object, int], LakeAt] = OrderedDict()
        self._zones: dict[str, str] = {}
        self.totals = LedgerTotals()
        self._alone = threading.Lock()
        self._beside: LakeReader | None = None
        self._reader = open_reader(self.folder, self._limits, clock)
        self._follow(self._reader)

    def close(self) -> None:
        """Let go of the lake."""
        self._reader.close()
        if self._beside is not None:
            self._beside.close()

    @property
    def held(self) -> Held:
        """What is kept in memory of the lake that is there now."""
        return self._reader.held()

    def behind_s(self) -> float:
        """At most so long ago, what was taken in last was the newest snapshot; infinite where nobody knows."""
        return self._reader.behind_s()

    @property
    def reader(self) -> LakeReader:
        """The reader of the lake that is there now."""
        return self._reader

    def ahead(self, prepare: "Callable[[LakeAt], None]") -> None:
        """From now on call `prepare`, in a thread of the lake's own, with each snapshot before it is shown."""
        self._ahead = prepare

    def hear(self, tell: Callable[[], None]) -> None:
        """From now on call `tell`, in a thread of the lake's own, each time that another snapshot is shown."""
        self._hear = tell

    def at(self, as_of: AsOf = None, *, newest: bool = False) -> LakeAt:
        """The snapshot that is shown, or that of `as_of`. Raises LakeMissing, LakeError, QueryError for what is none.

        Shown is the newest one, or while that is being taken in, for at most BEHIND_S, the one before; with `newest`
        it is always the newest.
        """
        moment = parse_as_of(as_of)
        if moment is None:
            known = self._known
            if newest or known is None or known.reader is not self._reader or self.behind_s() > BEHIND_S:
                return self._newest()
            return known._replace(now=self.clock())
        if isinstance(moment, int):
            kept = self._kept.get((self._place(), moment))
            if kept is not None:
                return kept._replace(now=self.clock())
        return self._look(self._reader, self._reader.snapshot(moment))

    def keep(self, at: LakeAt) -> None:
        """Hold a snapshot open, since somebody will ask for more of it by its number."""
        with self._lock:
            key = (at.snapshot.resolved.lake, at.snapshot.id)
            self._kept[key] = at
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    @contextmanager
    def alone(self) -> Iterator[LakeReader]:
        """A reader for what one thread at a time may ask: what goes by the reader's own handle on the catalog."""
        with self._alone:
            if self._beside is None:
                self._beside = LakeReader(self.folder)
            yield self._beside

    def zone(self, name: str) -> str:
        """A time zone as DuckDB writes it. Raises ConfigError."""
        found = self._zones.get(name)
        if found is None:
            with self._reader.parser() as connection:
                found = known_zone(connection, name)
            if len(self._zones) < 1_000:
                self._zones[name] = found
        return found

    def _place(self) -> object:
        """What tells the lake at this place from others."""
        try:
            status = (self.folder / CATALOG_NAME).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _newest(self) -> LakeAt:
        reader = self._reader
        snapshot = reader.snapshot()
        known = self._known
        if known is not None and known.snapshot is snapshot:
            return known._replace(now=self.clock())
        if self._went_back(snapshot):
            # its catalog was replaced where it lies: nothing that was remembered of it is true any more
            reader = self._open_anew(reader)
            snapshot = reader.snapshot()
        at = self._look(reader, snapshot)
        self._show(reader, at)
        return at

    def _show(self, reader: LakeReader, at: LakeAt) -> None:
        with self._lock:
            known = self._known
            if self._reader is reader and (
                known is None
                or known.snapshot.resolved.lake != at.snapshot.resolved.lake
                or known.snapshot.id <= at.snapshot.id
            ):
                self._seen, self._known = at.snapshot, at

    def _follow(self, reader: RecentReader) -> None:
        """Have what `reader` takes in from now on shown, as soon as it is there."""

        def taken_in(snapshot: LakeSnapshot) -> None:
            if self._reader is not reader:
                return
            try:
                if self._went_back(snapshot):
                    # who asks next finds out what has become of the lake
                    self._known = None
                else:
                    at = self._look(reader, snapshot)
                    self._ahead(at)
                    self._show(reader, at)
            except (TidemillError, duckdb.Error):
                # who asks next is told
                self._known = None
            self._hear()

        reader.follow(taken_in)

    def _went_back(self, snapshot: LakeSnapshot) -> bool:
        seen = self._seen
        if seen is None or seen.resolved.lake != snapshot.resolved.lake:
            return False
        if snapshot.id == seen.id:
            return snapshot.time != seen.time
        # another thread may just have seen a newer one
        return snapshot.id < seen.id and self._reader.resolver.resolve(None).snapshot.id < seen.id

    def _open_anew(self, old: RecentReader) -> RecentReader:
        with self._lock:
            if self._reader is not old:
                return self._reader
            self._reader = reader = open_reader(self.folder, self._limits, self.clock)
            self._seen = self._known = None
            self._kept.clear()
            self.totals = LedgerTotals()
            self._beside = None
        # its thread may be waiting for the lock
        old.close()
        self._follow(reader)
        return reader

    def _look(self, reader: LakeReader, snapshot: LakeSnapshot) -> LakeAt:
        known = self._known
        if not snapshot.tables:
            raise LakeMissing(missing(self.folder / CATALOG_NAME))
        with self._lock:
            definition = lake_definition(reader)
        if known is not None and known.definition == definition and known.reader is reader:
            shelf, types = known.shelf, known.known_types
        else:
            shelf, types = Shelf(self._reports, definition, reader.parser, snapshot.names()), {}
        places, token = _places(snapshot, definition), _token(snapshot)
        return LakeAt(snapshot, reader, definition, shelf, places, token, self.clock(), types, self.boards)


def _nothing(_: LakeAt) -> None:
    """Make nothing ahead."""


def _nobody() -> None:
    """Hears nothing."""


def cells_of(columns: Sequence[Column]) -> list[str]:
    """Every column as a text."""
    return cells(columns, Style())


def _token(snapshot: LakeSnapshot) -> str:
    facts = (snapshot.resolved.lake, snapshot.id, snapshot.time.isoformat(), snapshot.resolved.snapshot.schema_version)
    return blake2b(repr(facts).encode(), digest_size=6).hexdigest()


def _places(snapshot: LakeSnapshot, definition: Definition) -> list[Place]:
    if LEDGER not in snapshot.tables:
        return []
    bound_ms = definition.first_rules.out_of_orderness_ms
    places = []
    for name, end in sorted(snapshot.ends().items()):
        marks = [end.watermark, None if end.untold is None else end.untold - bound_ms]
        watermark = max((mark for mark in marks if mark is not None), default=None)
        since_us = max(end.read_at_us, end.first_at_us)
        offset, final = divmod(end.place, 2)
        places.append(Place(name, offset, end.max_event_time, watermark, since_us, bool(final)))
    return places
