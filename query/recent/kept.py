"""The rows of one rollup that are kept in memory at a snapshot, and how they become those of a later one.

Old windows lie in runs, tables of one row per key and window, each of a range of window starts of its own; a run is
never changed. The newest windows lie in one more such table, the middle, with the delta rows that came since in the
tail. Now and then the tail is merged into the middle, and the middle's older windows become a run. What a question has
to merge is therefore the middle, the tail, and those old windows of which the tail has rows, the dirty ones.
"""

from collections.abc import Sequence
from typing import NamedTuple

from dataflow.sql import quoted
from query.recent.shape import Shape, not_kept
from query.recent.store import Store, Table

HOUR_MS = 3_600_000

TAIL_ROWS = 2_048
MIDDLE_ROWS = 16_384
"""A tail or middle of so many rows is made smaller, if its windows allow it."""
MOST_DIRTY = 32
"""So many old windows with rows in the tail are merged into their runs."""
BLOCK_MS = 6 * HOUR_MS
BLOCK_RUNS = 4
"""So many neighbouring runs of one block become one."""

_FIRST_MS = -9_220_000_000_000_000
"""Before every window, and still a TIMESTAMP."""


class Run(NamedTuple):
    """Rows of windows that start in [low_ms, high_ms), one per key and window."""

    table: Table
    low_ms: int
    high_ms: int


class Kept(NamedTuple):
    """What is kept of a rollup at `snapshot`: all of its windows that start at or after `border_ms` (None: all).

    Runs, ascending, reach from the border to `cut_ms`, where the middle begins. Of the tail, rows whose `_snapshot` is
    above `snapshot` belong to later ones. `tail_rows` are those of this one.
    """

    shape: Shape
    snapshot: int
    border_ms: int | None
    runs: tuple[Run, ...]
    cut_ms: int
    middle: Table
    tail: Table
    tail_rows: int = 0
    dirty: frozenset[int] = frozenset()

    @property
    def rows(self) -> int:
        """How many rows it holds in memory."""
        return sum(run.table.rows for run in self.runs) + self.middle.rows + self.tail_rows

    def note_use(self, least_ms: int | None, at_s: float) -> None:
        """A question about windows from `least_ms` on (None: all) came at `at_s`."""
        for run in self.runs:
            if least_ms is None or run.high_ms > least_ms:
                run.table.used_s = at_s

    def view_sql(self, frontier: str, *, with_files: bool) -> str:
        """The rollup's view over the rows in memory, with an expression of the frontier; `with_files` also over the
        delta table's rows before the border, by its own name.
        """
        shape = self.shape
        lost = "".join(f", {not_kept(kind)} AS {quoted(name)}" for name, kind in shape.lost.items())
        listed = ", ".join(shape.deltas)
        dirty = _moments(self.dirty)
        clean = [f"SELECT * FROM {run.table.sql}{_where(dirty, run, kept=False)}" for run in self.runs]
        merged = [f"SELECT {listed}{lost} FROM {table}" for table in self._to_merge(dirty)]
        if with_files and self.border_ms is not None:
            names = ", ".join([listed, *map(quoted, shape.lost)])
            delta = quoted(shape.delta.name)
            merged.append(f"SELECT {names} FROM {delta} WHERE window_start < epoch_ms({self.border_ms})")
        return shape.shown(clean, " UNION ALL ".join(merged), frontier)

    def _to_merge(self, dirty: str) -> list[str]:
        wanted = [run for run in self.runs if any(run.low_ms <= each < run.high_ms for each in self.dirty)]
        tables = [self.middle.sql, *(f"{run.table.sql}{_where(dirty, run, kept=True)}" for run in wanted)]
        return [*tables, *([f"{self.tail.sql} WHERE _snapshot <= {self.snapshot}"] if self.tail_rows else [])]


def _moments(starts: Sequence[int] | frozenset[int]) -> str:
    return ", ".join(f"epoch_ms({start})" for start in sorted(starts))


def _where(dirty: str, run: Run, *, kept: bool) -> str:
    return f" WHERE window_start {'IN' if kept else 'NOT IN'} ({dirty})" if dirty else ""


def begun(store: Store, shape: Shape, snapshot: int, rows: str, from_ms: int | None) -> Kept:
    """What is kept at first: windows that start at or after `from_ms`, of which `rows` selects all delta rows."""
    where = "" if from_ms is None else f" WHERE window_start >= epoch_ms({from_ms})"
    middle = store.table(shape.grouped(f"SELECT {', '.join(shape.deltas)} FROM ({rows}) AS files{where}"))
    cut_ms = _FIRST_MS if from_ms is None else from_ms
    return rolled(store, Kept(shape, snapshot, from_ms, (), cut_ms, middle, _tail(store, shape)))


def advanced(store: Store, kept: Kept, snapshot: int, rows: str | None) -> Kept:
    """At a later snapshot, with the delta rows that it adds."""
    if rows is None:
        return kept._replace(snapshot=snapshot)
    listed = ", ".join(kept.shape.deltas)
    where = "" if kept.border_ms is None else f" WHERE window_start >= epoch_ms({kept.border_ms})"
    added = store.add(kept.tail, f"SELECT {listed}, {snapshot} FROM ({rows}) AS news{where}")
    dirty = kept.dirty
    if added and kept.runs:
        found = store.cursor.execute(
            f"SELECT DISTINCT epoch_ms(window_start) FROM {kept.tail.sql}"
            f" WHERE _snapshot > {kept.snapshot} AND window_start < epoch_ms({kept.cut_ms})"
        )
        dirty |= {start for (start,) in found.fetchall()}
    return kept._replace(snapshot=snapshot, tail_rows=kept.tail_rows + added, dirty=dirty)


def folded(store: Store, kept: Kept, *, anyway: bool = False) -> Kept:
    """The same rows, with the tail merged into the middle, and old windows of the tail into their runs if many."""
    if len(kept.dirty) > MOST_DIRTY or (anyway and kept.dirty):
        kept = kept._replace(runs=tuple(_cleaned(store, kept, run) for run in kept.runs), dirty=frozenset())
    elif not anyway and kept.tail_rows < max(TAIL_ROWS, kept.middle.rows // 2):
        return kept
    if not kept.tail_rows:
        return kept
    listed = ", ".join(kept.shape.deltas)
    recent = f"_snapshot <= {kept.snapshot} AND window_start >= epoch_ms({kept.cut_ms})"
    rows = f"SELECT {listed} FROM {kept.middle.sql} UNION ALL SELECT {listed} FROM {kept.tail.sql} WHERE {recent}"
    middle, tail = store.table(kept.shape.grouped(rows)), _tail(store, kept.shape)
    tail_rows = 0
    if kept.dirty:
        old = f"_snapshot <= {kept.snapshot} AND window_start < epoch_ms({kept.cut_ms})"
        tail_rows = store.add(tail, f"SELECT {listed}, _snapshot FROM {kept.tail.sql} WHERE {old}")
    return rolled(store, kept._replace(middle=middle, tail=tail, tail_rows=tail_rows))


def _cleaned(store: Store, kept: Kept, run: Run) -> Run:
    """A run with its windows' rows of the tail."""
    if not any(run.low_ms <= start < run.high_ms for start in kept.dirty):
        return run
    listed = ", ".join(kept.shape.deltas)
    within = f"window_start >= epoch_ms({run.low_ms}) AND window_start < epoch_ms({run.high_ms})"
    news = f"SELECT {listed} FROM {kept.tail.sql} WHERE _snapshot <= {kept.snapshot} AND {within}"
    rows = f"SELECT {listed} FROM {run.table.sql} UNION ALL {news}"
    return run._replace(table=store.table(f"{kept.shape.grouped(rows)} ORDER BY window_start"))


def rolled(store: Store, kept: Kept) -> Kept:
    """The same rows, with the older windows of a large middle in a run of their own."""
    if kept.middle.rows < MIDDLE_ROWS:
        return kept
    starts = store.cursor.execute(
        f"SELECT epoch_ms(window_start), count(*) FROM {kept.middle.sql} GROUP BY 1 ORDER BY 1 DESC"
    ).fetchall()
    stays, cut_ms = 0, kept.cut_ms
    for start, rows in starts[:-1]:
        if stays and stays + rows > MIDDLE_ROWS // 4:
            break
        stays, cut_ms = stays + rows, start
    if cut_ms == kept.cut_ms:
        return kept
    older, newer = (f"window_start {sign} epoch_ms({cut_ms})" for sign in ("<", ">="))
    table = store.table(f"SELECT * FROM {kept.middle.sql} WHERE {older} ORDER BY window_start")
    runs = _joined(store, (*kept.runs, Run(table, kept.cut_ms, cut_ms)))
    middle = store.table(f"SELECT * FROM {kept.middle.sql} WHERE {newer}")
    return kept._replace(runs=runs, middle=middle, cut_ms=cut_ms)


def _joined(store: Store, runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """The same, with many neighbours of one block as one run."""
    done: list[Run] = []
    for run in runs:
        done.append(run)
        block = [each for each in done if each.low_ms // BLOCK_MS == run.low_ms // BLOCK_MS]
        if len(block) >= BLOCK_RUNS:
            whole = " UNION ALL ".join(f"SELECT * FROM {each.table.sql}" for each in block)
            table = store.table(f"SELECT * FROM ({whole}) AS block ORDER BY window_start")
            done = [*done[: -len(block)], Run(table, block[0].low_ms, block[-1].high_ms)]
    return tuple(done)


def extended(store: Store, kept: Kept, rows: str, from_ms: int | None) -> Kept:
    """The same snapshot with windows from `from_ms` on (None: all), of which `rows` selects all that are not kept."""
    assert kept.border_ms is not None
    listed = ", ".join(kept.shape.deltas)
    above = "" if from_ms is None else f"window_start >= epoch_ms({from_ms}) AND "
    where = f"WHERE {above}window_start < epoch_ms({kept.border_ms})"
    table = store.table(
        f"{kept.shape.grouped(f'SELECT {listed} FROM ({rows}) AS files {where}')} ORDER BY window_start"
    )
    low = _FIRST_MS if from_ms is None else from_ms
    runs = (Run(table, low, kept.border_ms), *kept.runs) if table.rows else kept.runs
    if kept.runs and not table.rows:
        # nothing lies between: the first run begins there
        runs = (kept.runs[0]._replace(low_ms=low), *kept.runs[1:])
    cut_ms = kept.cut_ms if kept.runs or table.rows else low
    return kept._replace(border_ms=from_ms, runs=runs, cut_ms=cut_ms)


def shortened(store: Store, kept: Kept) -> Kept:
    """The same without its oldest run; of what has no run, nothing goes."""
    first, runs = kept.runs[0], kept.runs[1:]
    dirty = frozenset(start for start in kept.dirty if start >= first.high_ms)
    if dirty == kept.dirty:
        return kept._replace(border_ms=first.high_ms, runs=runs)
    tail = _tail(store, kept.shape)
    stays = f"window_start >= epoch_ms({first.high_ms}) AND _snapshot <= {kept.snapshot}"
    rows = store.add(tail, f"SELECT * FROM {kept.tail.sql} WHERE {stays}")
    return kept._replace(border_ms=first.high_ms, runs=runs, dirty=dirty, tail=tail, tail_rows=rows)


def _tail(store: Store, shape: Shape) -> Table:
    columns = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in shape.kept.items())
    return store.table(f"SELECT {columns}, NULL::BIGINT AS _snapshot WHERE false")
