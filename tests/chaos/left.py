"""What may have left a lake by its retention, and what must still be there: semantics rule 12, counted again."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from query.reader import LakeSnapshot
from sinks.lake.tables.views import shown_after_ms
from tests.chaos.checkers import DUPLICATE, LEFTOVER, LOST, Anomaly, check_texts, named
from tests.chaos.recount import Expected
from tests.model import contract, dump
from tests.model.contract import Dead
from tests.model.spec import event_time_column

Place = tuple[str, int]
"""A source partition and an offset."""

NEVER_MS = -(2**62)
ROW_TABLES = ("events", "late_events", "dead_letters")


@dataclass(frozen=True)
class Borders:
    """`before_ms`: of a rollup, windows that ended by then have left; of a row table, older rows may have left."""

    before_ms: Mapping[str, int]

    def at(self, snapshot: LakeSnapshot, latest_ms: int) -> "Borders":
        """Those of an older snapshot, when nothing later than `latest_ms` might have left: its views tell theirs."""
        shown = {name: shown_after_ms(snapshot.views[name].sql) for name in snapshot.views}
        told = {name: border for name, border in shown.items() if border is not None}
        rows = {name: min(border, latest_ms) for name, border in self.before_ms.items() if name in ROW_TABLES}
        return Borders({**rows, **told})

    def check_early(self, latest_ms: int) -> list[Anomaly]:
        """No border is further than it may be."""
        return [
            Anomaly(LOST, f"{name} has left up to {border}, and may up to {latest_ms}")
            for name, border in self.before_ms.items()
            if border > latest_ms
        ]

    def check(
        self,
        expected: Expected,
        texts: Mapping[str, str],
        placed: Mapping[str, Iterable[Place]],
        newest: Callable[[Place], int],
    ) -> list[Anomaly]:
        """Windows are shown whole or not at all, as the border says; rows are there once, or are older than theirs.

        `newest`: the largest event time that the ledger knows of the commit that read a record, and of those before.
        """
        rollups = {
            name: [row for row in rows if name not in self.before_ms or row[1] > self.before_ms[name]]
            for name, rows in expected.tables.rollups.items()
        }
        kept = dump.texts_of(expected.spec, replace(expected.tables, rollups=rollups), events=False)
        by_rows = ("late.csv", "dead.csv", "accepted.csv")
        wanted = {name: text for name, text in kept.items() if name not in by_rows}
        found = check_texts(wanted, {name: text for name, text in texts.items() if name in kept}, "the recount")
        for name, every, must in self._rows(expected, newest):
            there = Counter(placed.get(name, ()))
            found += named(LOST, name, (Counter(must) - there).elements())
            found += named(DUPLICATE, name, (there - Counter(every)).elements())
        return found

    def _rows(
        self, expected: Expected, newest: Callable[[Place], int]
    ) -> Iterator[tuple[str, list[Place], list[Place]]]:
        """(table, places of all its rows, of those that must be there)."""
        tables = expected.tables
        times = _event_times(expected)
        border = self.before_ms.get("events", NEVER_MS)
        yield "events", tables.accepted, [place for place in tables.accepted if times[place] >= border]
        border = self.before_ms.get("late_events", NEVER_MS)
        for rollup in expected.spec.rollups:
            late = [row for row in tables.late if row[0] == rollup.name]
            must = [row[1:3] for row in late if row[4] >= border]
            yield f"late_events of {rollup.name}", [row[1:3] for row in late], must
        dead = [(partition, offset) for partition, offset, _ in tables.dead]
        border = self.before_ms.get("dead_letters", NEVER_MS)
        yield "dead_letters", dead, [place for place in dead if newest(place) >= border]


def _event_times(expected: Expected) -> dict[Place, int]:
    column = event_time_column(expected.spec.fields)
    times = {}
    for partition, records in expected.records.items():
        for record in records:
            event = contract.read(record.value, expected.spec)
            if not isinstance(event, Dead):
                times[partition, record.offset] = event[column]
    return times


def latest_border_ms(expected: Expected, keep_ms: int, *, ended: bool) -> int:
    """Up to where may leave what is kept for so long, while no source partition is silent.

    `ended`: all of them were read to their end.
    """
    dead = {(partition, offset) for partition, offset, _ in expected.tables.dead}
    newest: dict[str, int] = {}
    for (partition, offset), time_ms in _event_times(expected).items():
        if (partition, offset) not in dead:
            newest[partition] = max(newest.get(partition, NEVER_MS), time_ms)
    reached = (max if ended else min)(newest.values(), default=NEVER_MS) - expected.spec.bound
    step_ms = keep_ms // 16
    return (reached - keep_ms) // step_ms * step_ms


def newest_by_commit(snapshot: LakeSnapshot) -> Callable[[Place], int]:
    """The largest event time that the ledger knows of the commit that read a record, and of those before."""
    sql = (
        "SELECT max(max_event_time) FROM ledger WHERE committed_at <= (SELECT committed_at FROM ledger"
        " WHERE partition = ? AND start_offset <= ? AND ? < end_offset)"
    )

    def newest(place: Place) -> int:
        (row,) = snapshot.query(sql, parameters=[place[0], place[1], place[1]]).to_pylist()
        (found,) = row.values()
        return NEVER_MS if found is None else int(found)

    return newest


def check_files(lake: Path, expected: Expected, borders: Borders) -> list[Anomaly]:
    """On the disk there is no file left of which all rows have left; of dead letters, the files do not tell."""
    times = {"events": "event_time", "late_events": "watermark"}
    least = {name: (column, borders.before_ms[name]) for name, column in times.items() if name in borders.before_ms}
    for rollup in expected.spec.rollups:
        if rollup.name in borders.before_ms:
            border = borders.before_ms[rollup.name]
            if rollup.window.kind == "session":
                # a session that goes on over the border stays whole
                across = [row[0] for row in expected.tables.rollups[rollup.name] if row[0] <= border < row[1]]
                border = min(across, default=border)
            tables = [folder.name for folder in lake.glob(f"main/{rollup.name}_*")]
            least |= dict.fromkeys(tables, ("window_end", border + 1))
    found = []
    for table, (column, kept_ms) in least.items():
        for path in sorted(lake.glob(f"main/{table}/*.parquet")):
            values = pq.read_table(path, columns=[column]).column(column).cast(pa.int64()).to_pylist()
            last = max((value for value in values if value is not None), default=NEVER_MS)
            if last < kept_ms:
                found.append(Anomaly(LEFTOVER, f"{path.relative_to(lake)} ends at {last}, and {kept_ms} is kept"))
    return found
