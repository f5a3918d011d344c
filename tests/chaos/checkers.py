"""What can go wrong, by the names of Jepsen's Kafka tests: each checker returns the anomalies that it finds."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from proof.dump import dump
from query.reader import LakeReader, LakeSnapshot
from tests.chaos.observe import CLASSES, Observation, observe
from tests.chaos.recount import Expected
from tests.model.spec import PipelineSpec

LOST = "lost event"
DUPLICATE = "duplicate event"
UNCOMMITTED = "uncommitted read"
NON_MONOTONIC = "non-monotonic read"
TORN = "torn snapshot"
GAP = "gap in a ledger range"
UNEQUAL = "unequal table"
FAILED = "failed read"
WRONG_END = "wrong end"
LEFTOVER = "leftover file"
WRONG_RULES = "wrong judgement"

ANOMALIES = (LOST, DUPLICATE, UNCOMMITTED, NON_MONOTONIC, TORN, GAP, UNEQUAL, WRONG_RULES, FAILED, LEFTOVER, WRONG_END)

SAMPLES = 12
"""Past snapshots that are asked for again by time travel."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One finding: `name` is one of ANOMALIES."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Line:
    """One ledger row."""

    partition: str
    start: int
    end: int
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Judged:
    """Offsets [start, end) of a source partition and the rules that the ledger names for them."""

    partition: str
    start: int
    end: int
    rules: Mapping[str, int]


def check_rows(expected: Expected, placed: Mapping[str, Iterable[tuple[str, int]]]) -> list[Anomaly]:
    """Lost and duplicate events, by (source partition, offset). `placed`: rows of events, dead and late tables."""
    wanted = {
        "events": Counter(expected.tables.accepted),
        "dead_letters": Counter((partition, offset) for partition, offset, _ in expected.tables.dead),
    }
    for rollup in expected.spec.rollups:
        late = ((partition, offset) for name, partition, offset, *_ in expected.tables.late if name == rollup.name)
        wanted[f"late_events of {rollup.name}"] = Counter(late)
    found = {name: Counter(rows) for name, rows in placed.items()}
    anomalies = []
    for name, rows in wanted.items():
        there = found.get(name, Counter())
        anomalies += named(LOST, name, (rows - there).elements())
        anomalies += named(DUPLICATE, name, (there - rows).elements())
    return anomalies


def named(anomaly: str, table: str, places: Iterable[tuple[str, int]]) -> list[Anomaly]:
    """One anomaly for all places of a table, if there are any."""
    places = sorted(places)
    if not places:
        return []
    shown = ", ".join(f"{partition}@{offset}" for partition, offset in places[:3])
    return [Anomaly(anomaly, f"{len(places)} in {table}, the first: {shown}")]


def check_texts(expected: Mapping[str, str], found: Mapping[str, str], who: str) -> list[Anomaly]:
    """Every file of the dump, byte by byte; `who` says whose the expected texts are."""
    anomalies = [Anomaly(UNEQUAL, f"{name} is missing ({who})") for name in expected.keys() - found.keys()]
    for name in sorted(expected.keys() & found.keys()):
        if expected[name] != found[name]:
            wanted, got = set(expected[name].splitlines()), set(found[name].splitlines())
            lines = [*sorted(wanted - got)[:2], "but found", *sorted(got - wanted)[:2]]
            anomalies.append(Anomaly(UNEQUAL, f"{name} differs from {who}: {' | '.join(lines)}"))
    return anomalies


def check_ledger(lines: Sequence[Line], ends: Mapping[str, int]) -> list[Anomaly]:
    """Ranges follow each other without gap or overlap and end where the lake's offsets do; nothing else is kept."""
    anomalies = []
    by_partition: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: (line.partition, line.start, line.end)):
        by_partition.setdefault(line.partition, []).append(line)
    for partition, ranges in by_partition.items():
        at = ranges[0].start
        for line in ranges:
            if line.start != at:
                anomalies.append(Anomaly(GAP, f"{partition}: [{at}, {line.start}) between two ledger rows"))
            at = max(at, line.end)
            sums = line.sums
            if sums["read"] != sum(sums[name] for name in CLASSES[1:]):
                anomalies.append(Anomaly(LOST, f"{partition}: read is not the sum of the classes in {line}"))
        if at != ends.get(partition):
            anomalies.append(Anomaly(GAP, f"{partition}: ledger ends at {at}, offsets at {ends.get(partition)}"))
    missing = ends.keys() - by_partition.keys()
    anomalies += [Anomaly(GAP, f"{partition}: no ledger row at all") for partition in missing]
    return anomalies


def check_rules(judged: Sequence[Judged], runs: Sequence[Mapping[str, int]]) -> list[Anomaly]:
    """Per source partition the ranges go by the rules of one run after the other, the last one by the last run's.

    `runs`: the rules of each run, in their order; no two are equal.
    """
    anomalies = []
    at: dict[str, int] = {}
    for each in sorted(judged, key=lambda each: (each.partition, each.start)):
        where = f"{each.partition} [{each.start}, {each.end})"
        if each.rules not in runs:
            anomalies.append(Anomaly(WRONG_RULES, f"{where} went by rules that no run had: {each.rules}"))
            continue
        run, before = runs.index(each.rules), at.get(each.partition, 0)
        if run < before:
            anomalies.append(
                Anomaly(WRONG_RULES, f"{where} went by the rules of run {run} after those of run {before}")
            )
        at[each.partition] = max(run, before)
    last = len(runs) - 1
    anomalies += [
        Anomaly(WRONG_RULES, f"{partition} ends by the rules of run {run}; the last run was {last}")
        for partition, run in at.items()
        if run != last
    ]
    return anomalies


def check_torn(spec: PipelineSpec, seen: Observation, leaving: Collection[str] = ()) -> list[Anomaly]:
    """Within one snapshot, the ledger's sums are the tables' rows; of what is `leaving`, no fewer than those."""
    wrong = []
    ledger = {name: sum(each[name] for each in seen["ledger"].values()) for name in CLASSES}
    pairs = [("dead", seen["table"]["dead_letters"]["rows"], ledger["dead"], "dead_letters")]
    if "events" in seen["table"]:
        pairs.append(("accepted", seen["table"]["events"]["rows"], ledger["accepted"], "events"))
    for rollup in spec.rollups:
        if rollup.name not in seen["rows"]:
            # it came later
            continue
        rows, sums = seen["rows"][rollup.name], seen["rollup"].get(rollup.name, {"counted": 0, "late": 0})
        pairs.append((f"late for {rollup.name}", rows["late_events"], sums["late"], "late_events"))
        least = 0 if rollup.name in leaving else sums["counted"]
        if rollup.window.kind in ("tumble", "session"):
            pairs.append((f"counted by {rollup.name}", rows["row_count"], sums["counted"], rollup.name))
        elif not least <= rows["row_count"] <= sums["counted"] * _most_windows(rollup.window):
            wrong.append(f"{rollup.name} counts {rows['row_count']} for {sums['counted']} rows")
    wrong += [
        f"{what}: {rows} rows, ledger {told}"
        for what, rows, told, table in pairs
        if rows > told or (rows < told and table not in leaving)
    ]
    return [Anomaly(TORN, f"snapshot {seen['snapshot']}: {what}") for what in wrong]


def _most_windows(window: Any) -> int:
    return -(-window.size // window.slide)


def check_monotonic(observations: Sequence[Observation], leaving: Collection[str] = ()) -> list[Anomaly]:
    """No total that one reader saw ever goes down, but for the rows of what is `leaving`."""
    anomalies = []
    for earlier, later in pairwise(observations):
        before, after = _totals(earlier, leaving), _totals(later, leaving)
        for what, number in before.items():
            if after.get(what, 0) < number:
                where = f"snapshot {earlier['snapshot']} to {later['snapshot']}"
                anomalies.append(Anomaly(NON_MONOTONIC, f"{where}: {what} went from {number} to {after.get(what, 0)}"))
    return anomalies


def _totals(seen: Observation, leaving: Collection[str]) -> dict[str, int]:
    totals = {"snapshot": seen["snapshot"]}
    for kind in ("ledger", "rollup", "rows", "table"):
        for name, numbers in seen[kind].items():
            if kind in ("rows", "table") and name in leaving:
                continue
            totals |= {
                f"{name}.{what}": number
                for what, number in numbers.items()
                if what not in ("checksum", "start") and what not in leaving
            }
    # compaction may add up rows, which changes no sum; the number of ledger rows never falls
    return totals


def check_committed(observations: Sequence[Observation], lines: Sequence[Line]) -> list[Anomaly]:
    """Whatever a reader saw of the ledger is a prefix of what is there at the end."""
    prefixes: dict[str, dict[int, dict[str, int]]] = {}
    for line in sorted(lines, key=lambda line: (line.partition, line.start, line.end)):
        known = prefixes.setdefault(line.partition, {})
        last = known[max(known)] if known else dict.fromkeys(line.sums, 0)
        known[line.end] = {name: last[name] + line.sums[name] for name in line.sums}
    anomalies = []
    for seen in observations:
        for partition, told in seen["ledger"].items():
            prefix = prefixes.get(partition, {}).get(told["end"])
            if prefix is None:
                anomalies.append(Anomaly(UNCOMMITTED, f"{partition}: an end at {told['end']} was seen and is gone"))
            elif any(prefix[name] != told[name] for name in prefix):
                anomalies.append(
                    Anomaly(UNCOMMITTED, f"{partition} up to {told['end']}: {told} was seen, now it is {prefix}")
                )
    return anomalies


def check_time_travel(reader: LakeReader, observations: Sequence[Observation]) -> list[Anomaly]:
    """Some of the snapshots that were seen, asked for again, say the same."""
    kept = {snapshot.id for snapshot in reader.resolver.catalog().snapshots()}
    there = [seen for seen in observations if seen["snapshot"] in kept]
    step = max(1, len(there) // SAMPLES)
    anomalies = []
    for seen in there[::step]:
        again = observe(reader.snapshot(seen["snapshot"]))
        if again != seen:
            changed = [kind for kind in again if again[kind] != seen.get(kind)]
            anomalies.append(
                Anomaly(
                    UNCOMMITTED, f"snapshot {seen['snapshot']} has changed: {[(seen[k], again[k]) for k in changed]}"
                )
            )
    return anomalies


def ledger_lines(snapshot: LakeSnapshot) -> list[Line]:
    """All ledger rows that cover offsets or records, and the marks of partitions without any."""
    names = (*CLASSES, "checksum")
    sql = f"SELECT partition, start_offset, end_offset, {', '.join(names)} FROM ledger"
    return [
        Line(partition, start, end, dict(zip(names, sums, strict=True)))
        for partition, start, end, *sums in (row.values() for row in snapshot.query(sql).to_pylist())
    ]


def placed_rows(snapshot: LakeSnapshot) -> dict[str, list[tuple[str, int]]]:
    """(source partition, offset) of every row of the events, dead and late tables."""
    places: dict[str, list[tuple[str, int]]] = {}
    for table in ("events", "dead_letters"):
        if table in snapshot.tables:
            rows = snapshot.query(f'SELECT partition, "offset" FROM {table}').to_pylist()
            places[table] = [(row["partition"], row["offset"]) for row in rows]
    for row in snapshot.query('SELECT rollup, partition, "offset" FROM late_events').to_pylist():
        places.setdefault(f"late_events of {row['rollup']}", []).append((row["partition"], row["offset"]))
    return places


def dumped(snapshot: LakeSnapshot, folder: Any) -> dict[str, str]:
    """The canonical text of every table."""
    return {path.name: path.read_bytes().decode() for path in dump(snapshot, folder)}


def check_leftovers(lake: Path, *, cleaned: bool = False) -> list[Anomaly]:
    """No file of the sink lies in the lake that the catalog does not know, and none that it knows is missing.

    `cleaned`: a run has started since anything was killed, so that there is no merged one either.
    """
    connection = sqlite3.connect(f"file:{lake / 'catalog.sqlite'}?mode=ro", uri=True, timeout=30)
    try:
        live = {
            f"main/{table}{path}"
            for table, path in connection.execute(
                "SELECT t.path, f.path FROM ducklake_data_file f JOIN ducklake_table t USING (table_id)"
            )
        }
        doomed = {path for (path,) in connection.execute("SELECT path FROM ducklake_files_scheduled_for_deletion")}
    finally:
        connection.close()
    there = {path.relative_to(lake).as_posix() for path in lake.glob("main/*/*.parquet")}
    # what a killed compaction leaves is removed by age or by the next run; it is never read
    strangers = {path for path in there - live - doomed if cleaned or "/compact-" not in path}
    anomalies = [Anomaly(LEFTOVER, f"{len(strangers)} unlisted files, like {min(strangers)}")] if strangers else []
    missing = live - there
    return anomalies + (
        [Anomaly(LOST, f"{len(missing)} data files are missing, like {min(missing)}")] if missing else []
    )
