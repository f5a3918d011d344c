"""What is counted when an epoch is published: from the sink's report to the metrics."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from dataflow.alerts.stats import RuleStats
from dataflow.errors import LakeError
from dataflow.logs import logger
from runtime.exported import metrics
from sinks.lake.catalog.reader import live_files
from sinks.lake.commit_stats import CommitStats

FILES_EVERY_S = 10.0


class CommitObserver:
    """Called by the sink after each commit; `epoch age` grows from then until the next one.

    Without an endpoint that is there by now, nothing is counted.

    Live files per table are counted every FILES_EVERY_S seconds, in a thread, so that no commit waits for it.
    """

    def __init__(self, lake: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lake = lake
        self._monotonic = monotonic
        self._last_commit = monotonic()
        self._counted = monotonic() - FILES_EVERY_S
        self._counting: threading.Thread | None = None
        self._failing = False
        self._alerts: dict[str, tuple[int, int]] = {}
        self._log = logger("metrics")
        self._exported = metrics()
        if self._exported is not None:
            self._exported.EPOCH_AGE.set_function(self._age)

    def __call__(self, stats: CommitStats, *, last: bool = False) -> None:
        """One epoch was published; after the `last` ones nobody asks for files any more."""
        self._last_commit = self._monotonic()
        if self._exported is not None:
            self._count(self._exported, stats, last=last)

    def _count(self, metrics: ModuleType, stats: CommitStats, *, last: bool) -> None:
        metrics.COMMITS.inc()
        metrics.COMMIT_SECONDS.labels("stage").observe(stats.stage_seconds)
        metrics.COMMIT_SECONDS.labels("publish").observe(stats.seconds)
        for table, rows in stats.rows.items():
            metrics.COMMITTED_ROWS.labels(table).inc(rows)
        for entry in stats.ranges:
            metrics.ACCEPTED.labels(entry.partition).inc(entry.accepted)
            metrics.LATE.labels(entry.partition).inc(entry.late)
            if entry.lost:
                metrics.LOST.labels(entry.partition).inc(entry.lost)
        for rule in stats.alerts:
            self._observe(metrics, rule)
        if not last and self._last_commit - self._counted >= FILES_EVERY_S:
            self._counted = self._last_commit
            self._start_counting(metrics)

    def _observe(self, metrics: ModuleType, rule: RuleStats) -> None:
        raised, retracted = self._alerts.get(rule.rule, (0, 0))
        metrics.ALERT_CHANGES.labels(rule.rule, "raised").inc(rule.raised - raised)
        metrics.ALERT_CHANGES.labels(rule.rule, "retracted").inc(rule.retracted - retracted)
        metrics.ALERT_ROWS.labels(rule.rule).set(rule.rows)
        metrics.ALERT_BYTES.labels(rule.rule).set(rule.size_bytes)
        self._alerts[rule.rule] = (rule.raised, rule.retracted)

    def _age(self) -> float:
        return self._monotonic() - self._last_commit

    def _start_counting(self, metrics: ModuleType) -> None:
        # one that hangs is not joined by more and more of its kind
        if self._counting is None or not self._counting.is_alive():
            self._counting = threading.Thread(
                target=self._count_files, args=(metrics,), name="count-files", daemon=True
            )
            self._counting.start()

    def _count_files(self, metrics: ModuleType) -> None:
        # a count that fails is made again ten seconds later; it must not disturb the pipeline
        try:
            counted = live_files(self._lake)
        except (LakeError, sqlite3.Error) as error:
            # no figure rather than one that stands still
            metrics.FILES.clear()
            if not self._failing:
                self._log.warning("live files cannot be counted", reason=str(error), doing="trying again")
            self._failing = True
            return
        self._failing = False
        for table, files in counted.items():
            metrics.FILES.labels(table).set(files)
