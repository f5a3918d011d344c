"""What one published epoch was: for metrics and those who look on."""

from collections.abc import Mapping
from dataclasses import dataclass

from dataflow.alerts.stats import RuleStats
from dataflow.messages import Range
from sinks.lake.manifest import Manifest


@dataclass(frozen=True, slots=True)
class CommitStats:
    """One published epoch."""

    epoch: int
    snapshot_id: int
    files: int
    rows: Mapping[str, int]
    file_bytes: int
    ranges: tuple[Range, ...]
    stage_seconds: float
    """Time to merge the epoch's rows and to bring its files to the disk; 0 for an epoch staged by a former run."""
    seconds: float
    """Duration of the catalog transaction."""
    alerts: tuple[RuleStats, ...] = ()
    """What each alert rule holds by now, and has done since the start."""


def stats_of(manifest: Manifest, snapshot_id: int, stage_seconds: float, seconds: float) -> CommitStats:
    """What the epoch of that manifest was, published as that snapshot; no alerts in it yet."""
    return CommitStats(
        manifest.epoch,
        snapshot_id,
        len(manifest.files),
        {file.table: file.rows for file in manifest.files},
        sum(file.size_bytes for file in manifest.files),
        manifest.ranges,
        stage_seconds,
        seconds,
    )
