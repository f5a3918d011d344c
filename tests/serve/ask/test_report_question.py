"""Reports of files and rollups by name over HTTP: ranges, pages, and what is said of mistakes."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.query.lakes import LakeMaker, clicks
from tests.serve.served_lake import serving

FILE = """-- title: Rows of one ad
-- view: ad_clicks_1m
-- parameter: ad text = a
-- limit: none
SELECT window_start, clicks FROM ad_clicks_1m WHERE ad_id = $ad ORDER BY window_start LIMIT $limit
"""


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "mine" / "reports"
    folder.mkdir(parents=True)
    (folder / "of_ad.sql").write_text(FILE)
    return folder


def test_pages_of_a_file_stay_on_the_snapshot_of_the_first(lake: LakeMaker, reports: Path) -> None:
    with serving(lake.folder, pipeline=str(reports.parent / "p.py")) as client:
        page = client.get("/api/v1/reports/of_ad?ad=b&limit=3").json()
        found, pages = page["rows"], 1
        while page["next"]:
            lake.commit({"ad_clicks_1m_delta": [clicks("b", minute, 50) for minute in range(-3, 8)]})
            page = client.get("/api/v1/reports/of_ad", params={"ad": "b", "limit": 3, "cursor": page["next"]}).json()
            found, pages = found + page["rows"], pages + 1
            assert page["snapshot"]["id"] == 2
    assert ([row["clicks"] for row in found], pages) == ([2, 3, 4, 5, 6, 7, 8, 9], 3)


def test_a_cursor_goes_with_its_own_parameters(lake: LakeMaker, reports: Path) -> None:
    with serving(lake.folder, pipeline=str(reports.parent / "p.py")) as client:
        cursor = client.get("/api/v1/reports/of_ad?limit=3").json()["next"]
        refused = client.get("/api/v1/reports/of_ad", params={"limit": 4, "cursor": cursor})
        assert (refused.status_code, "other parameters" in refused.json()["detail"]) == (400, True)


def test_mistakes_in_a_file_are_told_and_hide_no_other_report(lake: LakeMaker, reports: Path) -> None:
    (reports / "wrong.sql").write_text("-- title: x\nSELECT 1")
    with serving(lake.folder, pipeline=str(reports.parent / "p.py")) as client:
        answer = client.get("/api/v1/reports/wrong")
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:tidemill:problem:wrong-report")
        listed = {each["name"]: each for each in client.get("/api/v1/reports").json()["reports"]}
        assert "view is missing" in listed["wrong"]["mistake"]
        assert listed["of_ad"]["mistake"] is None
        assert client.get("/api/v1/reports/of_ad").status_code == 200


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("minutes=x", "is no integer"),
        ("minutes=0", "must be 1 or more"),
        ("minuts=1", "did you mean minutes"),
        ("minutes=1&minutes=2", "given twice"),
        ("at=noon", "is no time"),
        ("tz=Mars", "no time zone"),
        ("limit=0", "from 1 to"),
        ("minutes=%00", "NUL"),
        ("cursor=x", "no cursor"),
        ("as_of=1&as_of=2", "given twice"),
    ],
)
def test_parameters_of_a_file_that_are_wrong_are_told(client: TestClient, query: str, why: str) -> None:
    answer = client.get(f"/api/v1/reports/clicks_per_ad?{query}")
    assert answer.status_code == 400
    assert why in answer.json()["detail"]


def test_an_older_snapshot_answers_as_it_did(client: TestClient, lake: LakeMaker) -> None:
    before = client.get("/api/v1/reports/clicks_per_ad").json()
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 7, 100)]})
    assert client.get("/api/v1/reports/clicks_per_ad").json()["rows"] != before["rows"]
    assert client.get("/api/v1/reports/clicks_per_ad?as_of=2").json()["rows"] == before["rows"]
    assert client.get("/api/v1/reports/clicks_per_ad?as_of=2026-01-01T12:08:00Z").json()["rows"] == before["rows"]


def test_a_snapshot_from_before_the_rollup_is_no_place_to_ask(client: TestClient) -> None:
    assert client.get("/api/v1/reports/ad_clicks_1m?as_of=0").status_code in (404, 503)
