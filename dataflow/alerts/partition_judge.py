"""Source partitions that say nothing: one alert rule over where each of them stands."""

from collections.abc import Mapping

import pyarrow as pa

from dataflow.alerts.telling import CHANGE, Told, newest_changes, told_changes
from dataflow.alerts.windows import END, START, times_ms
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.closed_rules import SOURCE_PARTITION


class PartitionJudge:
    """Which alerts of a rule about source partitions stand.

    A partition is silent when event time has come `silence_ms` beyond its last event; the alert's window is that time.
    When it goes on, the alert is retracted.
    """

    def __init__(self, rule: AlertPlan, changes: pa.Table) -> None:
        """`changes`: those of the rule that are stored."""
        assert rule.silence_ms is not None, "a rule about partitions says for how long they are silent"
        self.rule = rule
        self._silence_ms: int = rule.silence_ms
        known = newest_changes(rule, changes)
        names = known.column(SOURCE_PARTITION).to_pylist()
        spans = zip(times_ms(known, START).tolist(), times_ms(known, END).tolist(), strict=True)
        numbers = known.column(CHANGE).to_pylist()
        self._known = {(name, *span): number for name, span, number in zip(names, spans, numbers, strict=True)}

    def changes(self, newest_ms: Mapping[str, int], *, reached_ms: int, over_ms: int) -> pa.Table:
        """The changes of alerts, in ALERT_SCHEMA.

        `newest_ms`: each partition's largest event time; event time has come to `reached_ms`. Windows that end by
        `over_ms` have left.
        """
        silent = {
            (name, newest, newest + self._silence_ms)
            for name, newest in newest_ms.items()
            if reached_ms >= newest + self._silence_ms - 1
        }
        raised = {place for place, number in self._known.items() if number % 2}
        gone_on = {place for place in raised if newest_ms.get(place[0], place[1]) > place[1]}
        lines = []
        for place in sorted((silent - raised) | gone_on):
            name, start, end = place
            if end > over_ms:
                self._known[place] = self._known.get(place, 0) + 1
                lines.append(Told(self._known[place], start, end, {SOURCE_PARTITION: name}))
        return told_changes(self.rule, lines)
