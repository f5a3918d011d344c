"""Every metric Tidemill exports, with its Prometheus name, in one place."""

from prometheus_client import Counter, Gauge, Histogram

from dataflow.messages import Judged

READ = Counter("tidemill_records_read", "Records read from a source partition", ["partition"])
DEAD = Counter("tidemill_records_dead", "Records that became dead letters", ["partition"])
DUPLICATE = Counter("tidemill_records_duplicate", "Events left out as duplicates", ["partition"])
LATE = Counter("tidemill_records_late", "Events late for every rollup that takes them", ["partition"])
LOST = Counter("tidemill_lost_offsets", "Offsets gone before they were read, accepted as a gap", ["partition"])
ACCEPTED = Counter("tidemill_records_accepted", "Events accepted", ["partition"])
WATERMARK = Gauge("tidemill_watermark_ms", "Watermark of a source partition, ms since 1970", ["partition"])
LAG = Gauge("tidemill_lag_records", "Offsets between what was read and the end of what may be read", ["partition"])
WAITING = Gauge("tidemill_waiting_records", "Offsets behind an open transaction, not to be read yet", ["partition"])
COMMITS = Counter("tidemill_commits", "Commits published to the lake")
COMMIT_SECONDS = Histogram(
    "tidemill_commit_seconds",
    "Time to stage the files of an epoch and to publish them",
    ["step"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
COMMITTED_ROWS = Counter("tidemill_committed_rows", "Rows written to a lake table", ["table"])
FILES = Gauge("tidemill_table_files", "Live Parquet files of a lake table", ["table"])
COMPACTOR_RESTARTS = Counter("tidemill_compactor_restarts", "Restarts of the compactor beside the run")
COMPACTION_AGE = Gauge(
    "tidemill_compaction_age_seconds",
    "Time since a round of compaction last succeeded, or since the start; 0 where this process runs none",
)
ALERT_CHANGES = Counter("tidemill_alert_changes", "Alerts raised and retracted", ["rule", "state"])
ALERT_ROWS = Gauge(
    "tidemill_alert_state_rows", "Keys and windows, and distinct values, that an alert rule has in memory", ["rule"]
)
ALERT_BYTES = Gauge("tidemill_alert_state_bytes", "Memory of what an alert rule holds", ["rule"])
EMIT_BEHIND = Gauge(
    "tidemill_emit_behind_seconds", "Time since all was sent that the lake has for a way out; 0 while all is", ["way"]
)
EPOCH_AGE = Gauge("tidemill_epoch_age_seconds", "Time since an epoch was last published; grows while nothing arrives")
STALLED = Gauge("tidemill_stalled_seconds", "Time without a commit while records wait, once it is told; else 0")
STALL_RESTARTS = Gauge("tidemill_stall_restarts", "New starts in a row because the run stood still")


def observe_intake(judged: Judged, lag_records: int | None, waiting_records: int | None) -> None:
    """Count what one poll became, as far as the intake knows it."""
    if waiting_records is not None:
        WAITING.labels(judged.partition).set(waiting_records)
    if lag_records is not None:
        LAG.labels(judged.partition).set(lag_records)
    READ.labels(judged.partition).inc(judged.read)
    if judged.duplicate:
        DUPLICATE.labels(judged.partition).inc(judged.duplicate)
    if judged.dead is not None:
        DEAD.labels(judged.partition).inc(judged.dead.num_rows)
    if judged.watermark is not None:
        WATERMARK.labels(judged.partition).set(judged.watermark)
