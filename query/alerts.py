"""The alerts of a lake: how they stand at a snapshot, and which of them have changed since another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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


def has_alerts(snapshot: "LakeSnapshot") -> bool:
    """Whether the lake's pipeline has ever had a rule; without one, a rollup may have the view's name."""
    return ALERT_CHANGES in snapshot.tables and ALERTS in snapshot.views


def require_alerts(snapshot: "LakeSnapshot") -> None:
    """Raise QueryError where the lake's pipeline has never had a rule."""
    if not has_alerts(snapshot):
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


def since_sql(snapshot: "LakeSnapshot", since: int) -> str:
    """A SELECT in brackets of the alerts that have changed in commits after the snapshot `since`, as they stand.

    It names the history of the table of changes.
    """
    changed = f"SELECT alert_id FROM {ALERT_CHANGES}_history WHERE _snapshot > {since}"
    return f"({_from_history(snapshot)} SELECT * FROM {ALERTS} WHERE alert_id IN ({changed}))"


def has_changed(snapshot: "LakeSnapshot", since: int) -> bool:
    """Whether an alert may have changed in commits after the snapshot `since`; needs no file."""
    return any(max(file.begin_snapshot, file.partial_max or 0) > since for file in snapshot.files(ALERT_CHANGES))


class Place(NamedTuple):
    """A place in the order of all changes of alerts: by snapshot, then by alert and number of the change.

    With no alert it is the end of that snapshot.
    """

    snapshot: int
    alert_id: str = ""
    change: int = 0


def changes_after(snapshot: "LakeSnapshot", place: Place, limit: int, timeout_s: float | None) -> list[dict[str, Any]]:
    """The first `limit` changes behind a place, in order: rows of the table of changes with `_snapshot` and `quiet`.

    `quiet`: whether the alert stands within its rule's cool-down by now; false where it has changed again since.
    """
    behind = f"h._snapshot > {place.snapshot}"
    if place.alert_id:
        same = f"(h.alert_id, h.change) > ({text(place.alert_id)}, {place.change})"
        behind = f"({behind} OR h._snapshot = {place.snapshot} AND {same})"
    sql = (
        f"{_from_history(snapshot)} SELECT h.*, coalesce(a.change = h.change AND a.quiet, false) AS quiet"
        f" FROM {ALERT_CHANGES}_history h LEFT JOIN {ALERTS} a ON a.alert_id = h.alert_id"
        f" WHERE {behind} ORDER BY h._snapshot, h.alert_id, h.change"
    )
    found: list[dict[str, Any]] = snapshot.query(
        sql, limit=limit, histories=[ALERT_CHANGES], timeout_s=timeout_s
    ).to_pylist()
    return found


def has_place(snapshot: "LakeSnapshot", place: Place) -> bool:
    """Whether the lake has the change at this place: another lake, or one that is older, has it not."""
    if place.snapshot > snapshot.id:
        return False
    if not place.alert_id:
        return True
    sql = (
        f"SELECT 1 FROM {ALERT_CHANGES}_history WHERE _snapshot = {place.snapshot}"
        f" AND alert_id = {text(place.alert_id)} AND change = {place.change}"
    )
    return snapshot.query(sql, histories=[ALERT_CHANGES]).num_rows > 0


def _from_history(snapshot: "LakeSnapshot") -> str:
    """WITH the view of alerts over the history of the table of changes."""
    changes = f"SELECT * EXCLUDE (_snapshot) FROM {ALERT_CHANGES}_history"
    return f"WITH {ALERT_CHANGES} AS ({changes}), {ALERTS} AS ({snapshot.views[ALERTS].sql})"


def rows_of(snapshot: "LakeSnapshot", sql: str) -> list[dict[str, Any]]:
    """The rows of `alerts_sql`, oldest first."""
    found: list[dict[str, Any]] = snapshot.query(sql).to_pylist()
    return found[::-1]
