"""The changes of alerts of a lake, read once for all who have come to the same place."""

import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, NamedTuple

from query.alerts import Place, changes_after, has_changed, has_place
from query.shared_work import SharedWork
from serve.ask.alerts_question import require_rules
from serve.ask.report_question import iso
from serve.feed.panel import lake_mark
from serve.lake import LakeAt, ServedLake

MOST = 1_000
"""So many changes are read at a time."""

_KEPT = 8


class Read(NamedTuple):
    """Changes behind a place, in order, each with its own place; `end`: where the next ones are looked for.

    `is_whole`: there are no more by now. `lake` tells the lake from others. `is_other`: what was asked from is not in
    it, so that nothing is known of what came before `end`.
    """

    changes: list[tuple[Place, dict[str, Any]]]
    end: Place
    is_whole: bool
    lake: str
    snapshot: int
    is_other: bool = False


class AlertLog:
    """For any number of threads."""

    def __init__(self, lake: ServedLake, timeout_s: float) -> None:
        self._lake = lake
        self.timeout_s = timeout_s
        self._work = SharedWork(patience_s=timeout_s)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, Place], Read] = OrderedDict()

    def newest(self, rule: str | None = None, *, is_other: bool = False) -> Read:
        """Nothing, at the end of all that is there by now. Raises Problem for a lake without rules, or that rule."""
        at = self._lake.at(newest=True)
        require_rules(at, rule)
        return Read([], Place(at.snapshot.id), True, lake_mark(at), at.snapshot.id, is_other)

    def has(self, place: Place) -> bool:
        """Whether the lake that is there now has the change at this place."""
        at = self._lake.at(newest=True)
        require_rules(at)
        return has_place(at.snapshot, place)

    def after(self, place: Place) -> Read:
        """The next changes behind a place, at most MOST. Raises TidemillError or Problem."""
        at = self._lake.at(newest=True)
        require_rules(at)
        key = (at.token, place)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        read = self._work.do(key, lambda: self._read(at, place))
        with self._lock:
            self._kept[key] = read
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return read

    def _read(self, at: LakeAt, place: Place) -> Read:
        lake, number = lake_mark(at), at.snapshot.id
        # a place within a snapshot may have changes of that very snapshot behind it
        if not has_changed(at.snapshot, place.snapshot - bool(place.alert_id)):
            return Read([], Place(max(number, place.snapshot)), True, lake, number)
        rows = changes_after(at.snapshot, place, MOST + 1, self.timeout_s)
        more = len(rows) > MOST
        changes = [(Place(row["_snapshot"], row["alert_id"], row["change"]), _told(row)) for row in rows[:MOST]]
        return Read(changes, changes[-1][0] if more else Place(number), not more, lake, number)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A change as it is sent: times as text, `snapshot` the commit that it came with."""
    plain = {name: _moment(value) if isinstance(value, datetime) else value for name, value in row.items()}
    number = plain.pop("_snapshot")
    return {**plain, "snapshot": number}


def _moment(value: datetime) -> str:
    return iso(value.replace(tzinfo=UTC))
