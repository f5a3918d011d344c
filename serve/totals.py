"""What the ledger comes to per source partition, kept up by reading only what was committed since the last look."""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from dataflow.pipeline.names import LEDGER
from dataflow.sql import quoted
from query.catalogs import LakeIdentity
from query.lost import lost_sql
from query.reader import LakeSnapshot
from sinks.lake.catalog.layout import DataFile

RECENT_US = 60_000_000
"""Lines of the last minute before the newest commit are kept one by one, for rates."""

_HISTORY = quoted(f"{LEDGER}_history")
_SUMS = ", ".join(
    f"sum({quoted(name)})::BIGINT AS {quoted(name)}" for name in ("read", "accepted", "duplicate", "late", "dead")
)


class Counted(NamedTuple):
    """What became of the records of one source partition."""

    topic: str | None = None
    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    dead: int = 0
    lost: int = 0
    """Offsets that were gone before they were read."""
    committed_us: int | None = None
    """The newest commit with records of it."""


class Totals(NamedTuple):
    """At one snapshot. `recent`: (commit in us, records read, accepted) of each commit with records, oldest first."""

    partitions: Mapping[str, Counted]
    recent: tuple[tuple[int, int, int], ...]
    last_commit_us: int | None


class LedgerTotals:
    """The totals at one snapshot after the other; for any number of threads, which wait for the one that reads.

    Exact: a file that a compaction has merged meanwhile tells each row's snapshot, and whether all rows were counted
    is checked by the numbers of rows that the catalog knows. Where it does not fit, all is read anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = _Known(None, -1, 0, Totals({}, (), None))

    def at(self, snapshot: LakeSnapshot) -> Totals:
        """The totals at a snapshot. Raises as `LakeSnapshot.query` does."""
        with self._lock:
            known = self._known
            lake, number = snapshot.resolved.lake, snapshot.id
            if known.lake == lake and known.snapshot == number:
                return known.totals
            if LEDGER not in snapshot.tables:
                return Totals({}, (), None)
            files = snapshot.files(LEDGER)
            whole = all(file.partial_max is None or file.partial_max <= number for file in files)
            rows = sum(file.record_count for file in files)
            found = None
            if known.lake == lake and number > known.snapshot >= 0:
                found = self._onward(snapshot, files, known)
                if whole and found.rows != rows:
                    found = None
            if found is None:
                found = _read(snapshot, Totals({}, (), None), -1)
            if known.lake != lake or number > known.snapshot:
                self._known = _Known(lake, number, found.rows, found.totals)
            return found.totals

    def _onward(self, snapshot: LakeSnapshot, files: list[DataFile], known: "_Known") -> "_Found":
        """What is new since the known snapshot, added to it."""
        new = [file for file in files if max(file.begin_snapshot, file.partial_max or 0) > known.snapshot]
        if not new:
            return _Found(known.totals, known.rows)
        found = _read(snapshot.with_files({LEDGER: new}), known.totals, known.snapshot)
        return found._replace(rows=found.rows + known.rows)


class _Known(NamedTuple):
    lake: LakeIdentity
    snapshot: int
    rows: int
    totals: Totals


class _Found(NamedTuple):
    totals: Totals
    rows: int


def _read(snapshot: LakeSnapshot, before: Totals, after: int) -> _Found:
    """The rows of snapshots behind `after` (-1: all rows), added to what was `before`."""
    histories = [] if after < 0 else [LEDGER]
    source = LEDGER if after < 0 else f"{_HISTORY} WHERE _snapshot > {after}"
    lines = snapshot.query(
        f"""SELECT "partition" AS name, any_value(topic) AS topic, count(*) AS lines, {_SUMS},
  sum({lost_sql(snapshot)})::BIGINT AS lost,
  epoch_us(max(committed_at) FILTER ("read" > 0)) AS with_records, epoch_us(max(committed_at)) AS newest
FROM {source} GROUP BY "partition" """,
        histories=histories,
    ).to_pylist()
    newest = max((line["newest"] for line in lines), default=None)
    if newest is None:
        return _Found(before, 0)
    last = newest if before.last_commit_us is None else max(newest, before.last_commit_us)
    # a clock that was set back must not keep lines for ever
    kept = [line for line in before.recent if last - RECENT_US < line[0] <= last]
    commits = snapshot.query(
        f"""SELECT epoch_us(committed_at) AS at_us, sum("read")::BIGINT AS n, sum(accepted)::BIGINT AS accepted
FROM (SELECT * FROM {source}) AS lines WHERE epoch_us(committed_at) > {last - RECENT_US} AND "read" > 0
GROUP BY committed_at ORDER BY committed_at""",
        histories=histories,
    ).to_pylist()
    recent = sorted([*kept, *((each["at_us"], each["n"], each["accepted"]) for each in commits)])
    partitions = dict(before.partitions)
    for line in lines:
        partitions[line["name"]] = _added(partitions.get(line["name"], Counted()), line)
    return _Found(Totals(partitions, tuple(recent), last), sum(line["lines"] for line in lines))


def _added(old: Counted, line: Mapping[str, Any]) -> Counted:
    times = [time for time in (old.committed_us, line["with_records"]) if time is not None]
    return Counted(
        line["topic"] if line["topic"] is not None else old.topic,
        old.read + line["read"],
        old.accepted + line["accepted"],
        old.duplicate + line["duplicate"],
        old.late + line["late"],
        old.dead + line["dead"],
        old.lost + line["lost"],
        max(times, default=None),
    )
