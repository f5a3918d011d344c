"""Alerts as they stand, newest windows first and page by page."""

from collections.abc import Sequence
from typing import ClassVar

from dataflow.pipeline.alert_rules import SEVERITIES
from dataflow.pipeline.names import ALERT_CHANGES, ALERTS
from dataflow.spelling import suggest
from query.alerts import has_alerts, since_sql
from query.moment import parse_as_of
from serve.ask.keyset import Ordered
from serve.ask.lines_question import Lines, LinesQuestion, Source
from serve.ask.parameters import Pairs, Parameter
from serve.ask.question import AS_OF, CURSOR, END, START, ZONE, Asking, Document, Found, limit
from serve.lake import LakeAt, ServedLake
from serve.problem import Problem, wrong_parameter

STATES = ("raised", "retracted")
RULE = Parameter("rule", "text", "Only of this rule.")
SEVERITY = Parameter("severity", "text", "Only of this severity.", choices=SEVERITIES)
QUIET = Parameter("quiet", "boolean", "Only those within their rule's cool-down, or only the others.")
SINCE = Parameter(
    "since", "text", "Only what has changed in a commit after this snapshot id, or after a UTC time that is still kept."
)


class AlertsQuestion(LinesQuestion):
    """A page of rows of the view `alerts`."""

    lines: ClassVar[Lines] = Lines(
        ALERTS,
        "*",
        [
            Ordered("window_start", "TIMESTAMP", True),
            Ordered("window_end", "TIMESTAMP", True),
            Ordered("rule", "VARCHAR"),
            Ordered("alert_id", "VARCHAR"),
        ],
        "window_start",
        False,
        [
            Parameter("state", "text", "Only those that stand, or that were retracted.", choices=STATES),
            RULE,
            SEVERITY,
            QUIET,
        ],
    )
    parameters: ClassVar[Sequence[Parameter]] = (
        AS_OF, *lines.filters, SINCE, START, END, ZONE, limit(100, 10_000), CURSOR,
    )  # fmt: skip

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self._since = parse_as_of(self.values["since"])

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """A page of rows; a Problem for a lake whose pipeline has never had a rule."""
        require_rules(at, self.values["rule"])
        return super().answer(lake, at, asking)

    def source(self, lake: ServedLake, at: LakeAt) -> Source:
        """The view, or those of its rows that have changed."""
        if self._since is None:
            # whether an alert is quiet depends on windows long before
            return Source(ALERTS)
        since = self._since if isinstance(self._since, int) else lake.at(self.values["since"]).snapshot.id
        return Source(f"{since_sql(at.snapshot, since)} AS {ALERTS}", histories=[ALERT_CHANGES])


def require_rules(at: LakeAt, rule: str | None = None) -> None:
    """Raise Problem where the lake's pipeline has never had a rule, or none of that name."""
    if not has_alerts(at.snapshot):
        raise Problem(
            404,
            "no-alerts",
            "the lake has no alerts",
            "its pipeline has no alert rule",
            "declare one with alerts=[...] in the pipeline file, and run it",
        )
    known = [each.name for each in at.definition.alerts]
    if rule is not None and rule not in known:
        raise wrong_parameter("rule", rule, f"the lake's pipeline has no such rule{suggest(rule[:100], known)}")
