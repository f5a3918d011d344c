"""What is asked of the alerts of a lake."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import QueryError
from dataflow.pipeline.alert_rules import threshold
from query.alerts import (
    Place,
    alerts_sql,
    changed_since,
    changes_after,
    has_changed,
    has_place,
    require_alerts,
    rows_of,
    since_sql,
)
from query.reader import LakeReader
from sinks.lake.writer import LakeWriter, commit
from tests.sinks.lake.small import PER_AD, parcel, per_ad_row, small_plan, writer_for

PLAN = small_plan(
    [PER_AD],
    alerts=[
        threshold("odd", on="per_ad", having="clicks IN (1, 3)", cool_down="1h"),
        threshold("many", on="per_ad", having="clicks > 5 AND users >= 0", severity="high", message="{ad}: {clicks}"),
    ],
)


class Growing:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer: LakeWriter = writer_for(folder, PLAN)
        self.end = 0

    def add(self, *rows: tuple[str, int, int]) -> None:
        """Ad, minute, clicks."""
        self.end += 1
        tables = {"per_ad_delta": [per_ad_row(*row) for row in rows]}
        commit(self.writer, [parcel(PLAN, 0, self.end - 1, self.end, tables=tables)], self.end)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Growing]:
    made = Growing(tmp_path / "lake")
    yield made
    made.writer.close()


def told(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["rule"], row["key"], row["window_start"].minute, row["state"], row["change"]) for row in rows]


def test_alerts_come_oldest_first_of_all_rules_or_of_one(lake: Growing) -> None:
    lake.add(("b", 2, 1), ("a", 1, 7), ("a", 5, 1))
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        assert told(rows_of(snapshot, alerts_sql())) == [
            ("many", '{"ad": "a"}', 1, "raised", 1),
            ("odd", '{"ad": "b"}', 2, "raised", 1),
            ("odd", '{"ad": "a"}', 5, "raised", 1),
        ]
        assert [row["message"] for row in rows_of(snapshot, alerts_sql("many"))] == ["a: 7"]
        assert rows_of(snapshot, alerts_sql("o'dd")) == []
        assert rows_of(snapshot, alerts_sql(ids=[])) == []


def test_those_that_changed_since_a_snapshot_are_found(lake: Growing) -> None:
    lake.add(("a", 1, 1), ("b", 1, 1))
    with LakeReader(lake.folder) as reader:
        before = reader.snapshot().id
        lake.add(("a", 1, 1))
        now = reader.snapshot()
        ids = changed_since(now, before)
        assert told(rows_of(now, alerts_sql(ids=ids))) == [("odd", '{"ad": "a"}', 1, "retracted", 2)]
        assert changed_since(now, now.id) == []


def test_a_lake_without_rules_has_no_alerts(tmp_path: Path) -> None:
    writer_for(tmp_path / "lake", small_plan()).close()
    with LakeReader(tmp_path / "lake") as reader, pytest.raises(QueryError, match="no alert rule; declare one"):
        require_alerts(reader.snapshot())


def test_changes_behind_a_place_come_in_order_with_whether_they_are_quiet(lake: Growing) -> None:
    lake.add(("a", 1, 1), ("a", 2, 1))
    lake.add(("a", 1, 1), ("b", 1, 6))
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        whole = changes_after(snapshot, Place(0), 100, None)
        assert [(row["rule"], row["change"], row["quiet"]) for row in whole if row["rule"] == "odd"] == [
            *((("odd", 1, quiet)) for quiet in [row["quiet"] for row in whole[:2]]),
            ("odd", 2, False),
        ]
        places = [Place(row["_snapshot"], row["alert_id"], row["change"]) for row in whole]
        assert places == sorted(places)
        for at, place in enumerate(places):
            assert changes_after(snapshot, place, 100, None) == whole[at + 1 :]
            assert has_place(snapshot, place)
            assert not has_place(snapshot, place._replace(change=9))
        assert changes_after(snapshot, Place(0), 2, None) == whole[:2]
        assert not has_changed(snapshot, snapshot.id)
        assert has_changed(snapshot, snapshot.id - 1)
        ids = {row["alert_id"] for row in whole if row["_snapshot"] == snapshot.id}
        since = snapshot.query(
            f"SELECT alert_id FROM {since_sql(snapshot, snapshot.id - 1)} AS alerts", histories=["alert_changes"]
        )
        assert set(since.column("alert_id").to_pylist()) == ids


def test_a_place_within_or_behind_the_lake(lake: Growing) -> None:
    lake.add(("a", 1, 1))
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        assert has_place(snapshot, Place(snapshot.id))
        assert not has_place(snapshot, Place(snapshot.id + 1))
