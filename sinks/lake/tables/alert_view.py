"""The SQL of the view of alerts: how each stands by now, and whether it is quiet."""

from collections.abc import Mapping

from dataflow.pipeline.names import ALERT_CHANGES
from dataflow.sql import text

COLUMNS = (
    "alert_id",
    "state",
    "rule",
    "severity",
    "key",
    "window_start",
    "window_end",
    "values",
    "message",
    "change",
)
"""Of the view, as the newest change has them; `quiet` comes last."""

_NEWEST = ", ".join(COLUMNS)
_BEFORE = (
    "max(CASE WHEN state = 'raised' THEN window_end END)"
    " OVER (PARTITION BY rule, key ORDER BY window_start, window_end, alert_id"
    " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
)


def alerts_sql(cool_downs_ms: Mapping[str, int]) -> str:
    """One SELECT, a row per alert: alert_id, state, rule, severity, key, window_start, window_end, values, message,
    change (how often it changed), quiet BOOLEAN.

    A raised alert is quiet if the window of an earlier raised one of its rule and key ended less than the rule's
    cool-down before its own began, or later. `cool_downs_ms` by rule; a rule that is not in it has none.
    """
    rules = [f"WHEN {text(rule)} THEN {ms}" for rule, ms in sorted(cool_downs_ms.items()) if ms]
    cool_down = f"CASE rule {' '.join(rules)} ELSE 0 END" if rules else "0"
    since = f"epoch_ms(window_start)::HUGEINT - epoch_ms({_BEFORE})"
    return (
        "WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY alert_id ORDER BY change DESC) AS _place"
        f" FROM {ALERT_CHANGES}),\n"
        f"newest AS (SELECT {_NEWEST} FROM numbered WHERE _place = 1),\n"
        f"merged AS (SELECT *, state = 'raised' AND {cool_down} > 0"
        f" AND coalesce({since} < {cool_down}, false) AS quiet FROM newest)\n"
        "SELECT merged.* FROM merged"
    )
