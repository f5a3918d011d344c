"""Compaction as its lake shows it: files that a round would merge, and that have waited for longer than any round."""

from dataclasses import dataclass
from datetime import datetime

from dataflow.durations import to_ms as duration_ms
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS, LEDGER
from dataflow.spoken import counted, moment, span
from doctor.finding import Finding, ok, warning
from query.moment import to_ms
from query.reader import LakeReader
from runtime.compaction_mark import CompactionTrouble
from sinks.lake.catalog.left import left
from sinks.lake.catalog.reader import CatalogReader
from sinks.lake.catalog.types import time_of
from sinks.lake.tables.definition import Definition
from sinks.lake.tables.specs import specs_of
from sinks.lake.upkeep.compact import live_files
from sinks.lake.upkeep.keeping import keeps_of, slots_of
from sinks.lake.upkeep.tiers import FAN_IN, LiveFile, runs_to_merge, tier

LATE_MS = 10 * 60_000
LATE_PERIODS = 10
"""A round is late when files wait for both so long and so many periods."""

CHECK = "compaction"
APPENDED = (EVENTS, LATE_EVENTS, DEAD_LETTERS, LEDGER)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Files that compaction would merge now; `since`: when the first of its merges could have been made."""

    files: int
    tables: int
    since: datetime


def compaction_finding(
    reader: LakeReader,
    definition: Definition,
    trouble: CompactionTrouble | None,
    now: datetime,
    *,
    run_since: datetime | None,
    every: str,
) -> Finding:
    """Whether compaction keeps up with the tables of `definition`.

    `trouble` is what the run says of its compactor; it counts while one is on, since `run_since`.
    """
    catalog = reader.resolver.catalog()
    catalog.begin()
    try:
        merged_at = _last_merge(catalog)
        waiting = _waiting(catalog, definition, merged_at, now)
    finally:
        catalog.end()
    trouble = None if run_since is None else trouble
    # what waited before this run is late only once the run has had its time
    since = None if waiting is None else max(waiting.since, run_since or waiting.since)
    age_ms = 0 if since is None else max(0, to_ms(now) - to_ms(since))
    what = _in_words(waiting)
    last = "none has been merged yet" if merged_at is None else f"the last merge is of {moment(merged_at)}"
    details = {
        "waiting_files": 0 if waiting is None else waiting.files,
        "waiting_ms": age_ms,
        "last_merge": None if merged_at is None else merged_at.isoformat(),
        "reason": None if trouble is None else trouble.reason,
        "failures": 0 if trouble is None else trouble.failures,
    }
    if trouble is not None:
        failed = f"{counted(trouble.failures, 'failure')} in a row since {moment(trouble.since)}"
        return warning(
            CHECK,
            f"no compaction at the moment, {failed}: {trouble.reason}; {what}",
            "mend what the reason names; the run starts its compactor again by itself, its log has all that was said",
            **details,
        )
    if run_since is not None and age_ms > max(LATE_MS, LATE_PERIODS * duration_ms(every)):
        return warning(
            CHECK,
            f"no compaction for {span(age_ms)} though a run is on: {what}; {last}",
            "start the run with compact_every above 0s, or tidemill compact --every 30s beside it",
            **details,
        )
    return ok(CHECK, f"{what}; {last}", **details)


def _in_words(waiting: Waiting | None) -> str:
    if waiting is None:
        return "no file waits to be merged"
    return f"{counted(waiting.files, 'file')} in {counted(waiting.tables, 'table')} wait to be merged"


def _last_merge(catalog: CatalogReader) -> datetime | None:
    # a compaction that no longer works thins out no snapshot either, so its last ones are there
    row = catalog.connection.execute(
        "SELECT s.snapshot_time FROM ducklake_snapshot_changes c JOIN ducklake_snapshot s USING (snapshot_id)"
        " WHERE c.changes_made LIKE '%merge_adjacent%' ORDER BY c.snapshot_id DESC LIMIT 1"
    ).fetchone()
    return None if row is None else time_of(row[0])


def _waiting(
    catalog: CatalogReader, definition: Definition, merged_at: datetime | None, now: datetime
) -> Waiting | None:
    tables = catalog.tables(catalog.latest().id)
    # tables of others in this lake are none of ours to merge
    own = [*APPENDED, *(spec.name for spec in specs_of(definition, tables))]
    # what could be summed as well is left out: it only ever comes after merges that are counted here
    slots = slots_of(keeps_of(definition), left(catalog.connection), now)
    live = {name: live_files(catalog, tables[name], slots.get(name)) for name in own if name in tables}
    found = {name: runs_to_merge(files, summed_below=None) for name, files in live.items()}
    runs = [(run, live[name]) for name, each in found.items() for run in each]
    if not runs:
        return None
    times = [_time_of(catalog, _ripe_at(run, files)) for run, files in runs]
    # merged rows keep their age, so a merged file tells no time before the merge
    since = min(times) if merged_at is None else max(min(times), merged_at)
    return Waiting(sum(len(run) for run, _ in runs), sum(1 for each in found.values() if each), since)


def _ripe_at(run: list[LiveFile], files: list[LiveFile]) -> int:
    """The snapshot that made the run, of the table's `files`, worth a merge."""
    top = max(tier(file.size_bytes) for file in run)
    of_its_tier = [file for file in run if tier(file.size_bytes) == top]
    if len(of_its_tier) >= FAN_IN:
        return of_its_tier[FAN_IN - 1].newest
    # fewer are merged once the next slot has begun
    return next((file.newest for file in files if file.slot > run[-1].slot), run[-1].newest)


def _time_of(catalog: CatalogReader, snapshot: int) -> datetime:
    """When it was made, or the next one that is kept."""
    text = catalog.connection.execute(
        "SELECT snapshot_time FROM ducklake_snapshot WHERE snapshot_id >= ? ORDER BY snapshot_id LIMIT 1", (snapshot,)
    ).fetchone()[0]
    return time_of(text)
