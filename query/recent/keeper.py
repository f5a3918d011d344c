"""What is kept of a lake's rollups, from one snapshot to the next, within limits of time and memory."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from query.definition import definition_in
from query.engine import Engine
from query.moment import from_ms, to_ms
from query.question import Bound
from query.recent.kept import HOUR_MS, Kept, advanced, begun, extended, folded, shortened
from query.recent.news import LOST, course, new_rows_sql
from query.recent.shape import Shape, shape_of
from query.recent.store import Store
from query.resolve import Resolved, Resolver
from query.scan import scan_sql
from query.snapshot import LakeSnapshot, Means
from sinks.lake.catalog.layout import TableLayout, ViewLayout
from sinks.lake.tables.definition import Definition

_SMALL_ROWS = 100_000
"""A rollup with fewer rows in memory keeps windows beyond the limit of time, too."""
_STEP_ROWS = 200_000
"""A step back that found fewer rows makes the next one twice as long."""
_MOST_READ_ROWS = 5_000_000
"""Files of more rows than this are not read for one step: what lies there stays there."""


class Limits(NamedTuple):
    """How far back windows are kept, and how many bytes all tables in memory may take; zero bytes keep nothing."""

    reach: timedelta = timedelta(hours=48)
    most_bytes: int = 512 * 2**20


class Keeper:
    """Keeps `kept`, by view, at the snapshot that was taken in last. For one thread at a time."""

    def __init__(
        self, resolver: Resolver, means: Means, engine: Engine, limits: Limits, clock: Callable[[], datetime]
    ) -> None:
        self.kept: Mapping[str, Kept] = {}
        self.size_bytes = 0
        """What the tables took at the last round of upkeep, those of snapshots that are still held included."""
        self._resolver = resolver
        self._means = means
        self._limits = limits
        self._clock = clock
        self._store = Store(engine)
        self._at: Resolved | None = None
        self._definition: tuple[object, Definition] | None = None
        self._shapes: dict[tuple[ViewLayout, TableLayout], Shape | None] = {}
        self._steps_ms: dict[str, int] = {}
        self._settled: set[str] = set()
        """Views of which no older windows are read."""

    def forget(self) -> None:
        """Keep nothing; what comes next begins anew."""
        self.kept, self._at, self._definition, self.size_bytes = {}, None, None, 0
        self._shapes, self._steps_ms, self._settled = {}, {}, set()

    def close(self) -> None:
        """Keep nothing, and let go of the engine's instance."""
        self.forget()
        self._store.close()

    def take_in(self, resolved: Resolved) -> None:
        """Go on to a snapshot: of each rollup the rows that it adds, nothing of those that have changed otherwise."""
        before, self._at = self._at, resolved
        if before is None or before.lake != resolved.lake or not self.kept:
            self._begin_anew({*self.kept})
            return
        with self._resolver.lend() as (catalog, lake):
            way = course(catalog, before, resolved) if lake == resolved.lake else LOST
        shapes = self._all_shapes(resolved)
        kept: dict[str, Kept] = {}
        for name, each in self.kept.items():
            shape = shapes.get(name)
            if shape is None or not shape.continues(each.shape) or not way.only_grew(shape.delta, shape.sql):
                continue
            rows = new_rows_sql(shape.delta, resolved.files[shape.delta.name], before.snapshot.id, resolved.snapshot.id)
            kept[name] = advanced(self._store, each, resolved.snapshot.id, rows)._replace(shape=shape)
        self._begin_anew(self.kept.keys() - kept.keys())
        self.kept = kept

    def tend(self, resolved: Resolved) -> bool:
        """A round of upkeep at the snapshot that was taken in last; whether anything of it changed."""
        if self._at is not resolved or not self._limits.most_bytes:
            return False
        shapes = self._all_shapes(resolved)
        before = self.kept
        kept = {name: folded(self._store, each) for name, each in self.kept.items()}
        for name, shape in shapes.items():
            if name not in self._settled and self.size_bytes < self._limits.most_bytes:
                further = self._further(resolved, shape, kept.get(name))
                if further is not None:
                    kept[name] = further
        self.kept = self._within_limits(kept)
        self._store.sweep()
        self.size_bytes = self._store.size_bytes()
        return self.kept != before

    def _begin_anew(self, names: "set[str]") -> None:
        self.kept = {name: each for name, each in self.kept.items() if name not in names}
        for name in names:
            self._steps_ms.pop(name, None)
            self._settled.discard(name)

    def _all_shapes(self, resolved: Resolved) -> dict[str, Shape]:
        known = (resolved.lake, resolved.snapshot.schema_version)
        if self._definition is None or self._definition[0] != known:
            with self._resolver.lend() as (catalog, _):
                self._definition = known, definition_in(catalog)
            self._shapes = {}
        found: dict[str, Shape] = {}
        for name, rollup in self._definition[1].by_name.items():
            view, delta = resolved.views.get(name), resolved.tables.get(f"{name}_delta")
            if view is None or delta is None or delta.name in resolved.foreign:
                continue
            if (view, delta) not in self._shapes:
                self._shapes[view, delta] = shape_of(rollup, view.sql, delta, self._store.cursor)
            shape = self._shapes[view, delta]
            if shape is not None:
                found[name] = shape
        return found

    def _further(self, resolved: Resolved, shape: Shape, kept: Kept | None) -> Kept | None:
        """With windows that are older than those kept; None where there is no more to keep."""
        place = LakeSnapshot(self._means, resolved)
        bound = Bound(shape.delta.name, "window_start")
        newest_ms = self._newest_ms(place, bound)
        if newest_ms is None:
            return None
        upto_ms = newest_ms + 1 if kept is None else kept.border_ms
        if upto_ms is None:
            self._settled.add(shape.view)
            return None
        if kept is not None and kept.rows >= _SMALL_ROWS and upto_ms <= newest_ms - _ms(self._limits.reach):
            self._settled.add(shape.view)
            return None
        step_ms = self._steps_ms.get(shape.view, HOUR_MS)
        from_ms_ = (upto_ms - step_ms) // HOUR_MS * HOUR_MS
        first = from_ms(from_ms_)
        below = None if kept is None else from_ms(upto_ms)
        files = place.bounded_files(bound._replace(at_least=first, below=below))
        if sum(file.record_count for file in files) > _MOST_READ_ROWS and kept is not None:
            self._settled.add(shape.view)
            return None
        border_ms = from_ms_ if place.bounded_files(bound._replace(below=first)) else None
        rows = scan_sql(shape.delta, files, resolved.snapshot.id)
        if kept is None:
            return begun(self._store, shape, resolved.snapshot.id, rows, border_ms)
        further = extended(self._store, kept, rows, border_ms)
        if further.rows - kept.rows < _STEP_ROWS:
            self._steps_ms[shape.view] = step_ms * 2
        return further

    def _newest_ms(self, place: LakeSnapshot, bound: Bound) -> int | None:
        """The newest window start by the files' bounds, and no later than soon; None where there is no file."""
        bounds = [file.bounds.get("window_start") for file in place.bounded_files(bound)]
        if not bounds:
            return None
        soon = to_ms(self._clock()) + HOUR_MS
        highs = [each.high for each in bounds if each is not None and isinstance(each.high, str)]
        return min(soon, to_ms(datetime.fromisoformat(max(highs)))) if highs else soon

    def _within_limits(self, kept: dict[str, Kept]) -> dict[str, Kept]:
        """Without runs that are too old, and while there is too much, without those that nobody has asked for."""
        reach_ms = _ms(self._limits.reach)
        for name, each in kept.items():
            while each.runs and each.rows > _SMALL_ROWS and each.runs[0].high_ms < each.cut_ms - reach_ms:
                each = shortened(self._store, each)
            kept[name] = each
        if self._store.size_bytes() > self._limits.most_bytes:
            outermost = [(each.runs[0].table.used_s, name) for name, each in kept.items() if each.runs]
            if outermost:
                _, name = min(outermost)
                kept[name] = shortened(self._store, kept[name])
                # what had to go is not read again
                self._settled.add(name)
        return kept


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
