"""The alerts of a lake: how they stand at a snapshot, and which of them have changed since another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dataflow.errors import QueryError
from dataflow.pipeline.names import ALERT_CHANGES, ALERTS
from dataflow.sql import text

if TYPE_CHECKING:
    from query.snapshot import LakeSnapshot

_ORDER = "ORDER BY window_start DESC, window_end DESC, rule, key"


def alerts_sql(rule: str | None = None, ids: Sequence[str] | None = None) -> str:
    """A SELECT of the view's columns, newest windows first: of all rules or one, of all alerts or those of `ids`."""
    wanted = [] if rule is None else [f"rule = {text(rule)}"]
    if ids is not None:
        wanted.append(f"alert_id IN ({', '.join(map(text, ids)) or 'NULL'})")
    where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
    return f"SELECT * FROM {ALERTS}{where} {_ORDER}"


def require_alerts(snapshot: "LakeSnapshot") -> None:
    """Raise QueryError where the lake's pipeline has never had a rule."""
    if ALERTS not in snapshot.views:
        raise QueryError(
            "the lake has no alerts, since its pipeline has no alert rule; declare one with alerts=[...] in the "
            "pipeline file, and run it"
        )


def changed_since(snapshot: "LakeSnapshot", since: int) -> list[str]:
    """The ids of the alerts that have changed in commits after the snapshot `since`."""
    found = snapshot.query(
        f"SELECT DISTINCT alert_id FROM {ALERT_CHANGES}_history WHERE _snapshot > {since}", histories=[ALERT_CHANGES]
    )
    return [str(each) for each in found.column("alert_id").to_pylist()]


def rows_of(snapshot: "LakeSnapshot", sql: str) -> list[dict[str, Any]]:
    """The rows of `alerts_sql`, oldest first."""
    found: list[dict[str, Any]] = snapshot.query(sql).to_pylist()
    return found[::-1]
