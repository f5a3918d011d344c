"""Alerts over HTTP: as they stand, chosen, page by page, and what has changed since."""

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.query.lakes import T0, LakeMaker, ads_pipeline, clicks, ledger
from tests.serve.served_lake import alert, serving

URL = "/api/v1/alerts"


def shown(rows: list[dict]) -> list[tuple[str, str, str, bool]]:
    return [(each["rule"], each["key"], each["state"], each["quiet"]) for each in rows]


B5 = ("busy", '{"ad_id": "b"}', "raised", False)
A2 = ("busy", '{"ad_id": "a"}', "raised", True)
A1 = ("busy", '{"ad_id": "a"}', "raised", False)
TOP = ("dear", '{"ad_id": "top"}', "retracted", False)


def test_alerts_come_as_they_stand_newest_windows_first(alert_client: TestClient) -> None:
    answer = alert_client.get(URL).json()
    assert shown(answer["rows"]) == [B5, A2, A1, TOP]
    assert [column["name"] for column in answer["columns"]] == list(answer["rows"][0])
    assert answer["rows"][0] == {
        "alert_id": alert("b", 5)["alert_id"],
        "state": "raised",
        "rule": "busy",
        "severity": "high",
        "key": '{"ad_id": "b"}',
        "window_start": "2026-01-01T12:05:00Z",
        "window_end": "2026-01-01T12:06:00Z",
        "values": '{"clicks": 5}',
        "message": "b is busy",
        "change": 1,
        "quiet": False,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=raised", [B5, A2, A1]),
        ("state=retracted", [TOP]),
        ("rule=dear", [TOP]),
        ("severity=high&quiet=false", [B5, A1]),
        ("quiet=true", [A2]),
        ("severity=critical", []),
        ("start=2026-01-01T12:02:00Z", [B5, A2]),
        ("end=2026-01-01T12:02:00Z", [A1, TOP]),
        ("limit=1", [B5]),
        ("since=2", [B5, A2, A1, TOP]),
        ("since=3", [B5, TOP]),
        ("since=3&state=retracted", [TOP]),
        ("since=4", []),
        ("since=999999", []),
        ("since=2026-01-01T12:08:01", [B5, TOP]),
    ],
)
def test_alerts_are_chosen(alert_client: TestClient, query: str, found: list[object]) -> None:
    assert shown(alert_client.get(f"{URL}?{query}").json()["rows"]) == found


def test_pages_together_are_all_alerts_of_one_snapshot(alert_client: TestClient, ruled: LakeMaker) -> None:
    for query in ({"limit": 1}, {"limit": 1, "since": 2}):
        page = alert_client.get(URL, params=query).json()
        found = page["rows"]
        while page["next"]:
            ruled.commit({"alert_changes": [alert("late", 9)]})
            page = alert_client.get(URL, params={**query, "cursor": page["next"]}).json()
            found += page["rows"]
        assert [each[1] for each in shown(found)][-4:] == [each[1] for each in (B5, A2, A1, TOP)]


def test_alerts_come_in_every_form(alert_client: TestClient) -> None:
    for form in ("ndjson", "csv", "arrow", "parquet"):
        for query in ("", "&since=3"):
            assert alert_client.get(f"{URL}?format={form}{query}").status_code == 200
    lines = alert_client.get(f"{URL}?format=csv&since=3").text.splitlines()
    assert len(lines) == 3


def test_an_older_snapshot_has_the_alerts_of_then(alert_client: TestClient) -> None:
    assert shown(alert_client.get(f"{URL}?as_of=3&rule=dear").json()["rows"]) == [(*TOP[:2], "raised", False)]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("rule=bussy", "did you mean busy"),
        ("state=open", "write one of raised, retracted"),
        ("severity=urgent", "write one of info"),
        ("since=soon", "is no time"),
    ],
)
def test_what_cannot_be_asked_is_told(alert_client: TestClient, query: str, why: str) -> None:
    answer = alert_client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert why in answer.json()["detail"]


def test_a_lake_without_rules_says_how_to_have_some(client: TestClient) -> None:
    answer = client.get(URL)
    assert answer.status_code == 404
    assert answer.json()["hint"] == "declare one with alerts=[...] in the pipeline file, and run it"


def test_a_rollup_of_that_name_is_no_list_of_alerts(tmp_path: Path) -> None:
    rollup = replace(ads_pipeline().rollups[0], name="alerts")
    with LakeMaker(tmp_path / "named", ads_pipeline(rollups=[rollup])) as made:
        made.commit({"alerts_delta": [clicks("a", 1, 2)], "ledger": [ledger("clicks/0", 0, 2, T0)]})
        with serving(made.folder) as client:
            assert client.get(URL).status_code == 404
            assert client.get("/api/v1/reports/alerts").status_code == 200


def test_an_answer_that_did_not_change_is_told_by_its_tag(alert_client: TestClient) -> None:
    tag = alert_client.get(URL).headers["ETag"]
    assert alert_client.get(URL, headers={"If-None-Match": tag}).status_code == 304
