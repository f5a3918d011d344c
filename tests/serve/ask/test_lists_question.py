"""Lists: reports, snapshots, corrected windows, boards."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.query.lakes import T0, LakeMaker, clicks, ledger
from tests.serve.served_lake import serving


def test_reports_of_files_come_first_then_rollups_without_one(client: TestClient) -> None:
    listed = client.get("/api/v1/reports").json()["reports"]
    assert [(each["name"], each["kind"]) for each in listed] == [
        ("clicks_per_ad", "report"), ("revenue_per_hour", "report"), ("top_campaigns", "report"),
        ("ad_clicks_1m", "rollup"), ("campaign_1m", "rollup"), ("revenue_1h", "rollup"), ("visits", "rollup"),
    ]  # fmt: skip
    assert listed[0]["parameters"] == [
        {
            "name": "minutes", "type": "integer", "default": "5", "required": False,
            "help": "how many minutes, the running one included",
        }
    ]  # fmt: skip
    assert {"every", "total", "by"} <= {each["name"] for each in listed[3]["parameters"]}


def test_every_report_that_is_listed_answers(client: TestClient) -> None:
    for each in client.get("/api/v1/reports").json()["reports"]:
        assert client.get(f"/api/v1/reports/{each['name']}").status_code == 200


def test_snapshots_tell_what_they_added(client: TestClient) -> None:
    listed = client.get("/api/v1/snapshots?limit=1").json()["snapshots"]
    assert [(each["id"], each["time"], each["offsets"]) for each in listed] == [
        (2, "2026-01-01T12:08:00Z", {"clicks/0": [0, 100]})
    ]
    assert listed[0]["rows"]["dead_letters"] == 3


def test_windows_that_were_corrected_are_told_with_how_far_they_moved(client: TestClient, lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 5, "1")], "ledger": [ledger("clicks/0", 100, 101, T0)]})
    told = client.get("/api/v1/late/windows?rollup=ad_clicks_1m&key=ad_id=a").json()["rollups"]
    (moved,) = told[0]["windows"]
    assert (moved["key"], moved["rows_added"], moved["aggregates"]["clicks"]["change"]) == ({"ad_id": "a"}, 5, "5")
    later = client.get("/api/v1/late/windows?rollup=ad_clicks_1m&start=2100-01-01").json()["rollups"]
    assert later[0]["windows"] == []
    assert client.get("/api/v1/late/windows?key=ad_id").status_code == 400
    assert client.get("/api/v1/late/windows?rollup=nothing").status_code == 400


def test_boards_are_listed_and_each_tells_its_panels(client: TestClient) -> None:
    boards = client.get("/api/v1/boards").json()["boards"]
    assert "overview" in [board["name"] for board in boards]
    board = client.get("/api/v1/boards/overview").json()
    assert board["panels"]
    assert client.get("/api/v1/boards/nothing").json()["type"] == "urn:tidemill:problem:board-unknown"


def test_a_board_with_a_mistake_tells_it_and_the_others_are_there(lake: LakeMaker, tmp_path: Path) -> None:
    boards = tmp_path / "boards"
    boards.mkdir()
    (boards / "bad.toml").write_text('title = "Bad"\n[[panel]]\nkind = "report"\ntitle = "R"\nreport = "campain_1m"\n')
    (boards / "good.toml").write_text('title = "Good"\n[[panel]]\nkind = "late"\n')
    with serving(lake.folder, pipeline=str(tmp_path / "mine.py")) as client:
        listed = client.get("/api/v1/boards").json()["boards"]
        assert [(each["name"], each["mistake"] is None) for each in listed] == [
            ("bad", False), ("good", True), ("overview", True),
        ]  # fmt: skip
        assert "key report = 'campain_1m': no file" in listed[0]["mistake"]
        assert client.get("/api/v1/boards/good").status_code == 200
        problem = client.get("/api/v1/boards/bad").json()
    assert (problem["status"], problem["type"]) == (422, "urn:tidemill:problem:wrong-board")
    assert str(boards / "bad.toml") in problem["detail"]
    assert "did you mean campaign_1m?" in problem["detail"]


def test_a_file_that_comes_changes_or_goes_shows_at_once(lake: LakeMaker, tmp_path: Path) -> None:
    boards = tmp_path / "boards"
    boards.mkdir()
    one, two = boards / "one.toml", boards / "two.toml"
    text = 'title = "{}"\n[[panel]]\nkind = "late"\n'
    with serving(lake.folder, pipeline=str(tmp_path / "mine.py")) as client:

        def titles() -> list[str]:
            return [each["title"] for each in client.get("/api/v1/boards").json()["boards"]][:-1]

        for number in range(20):
            one.write_text(text.format(f"A{number}"))
            assert titles() == [f"A{number}"]
            assert client.get("/api/v1/boards/one").json()["title"] == f"A{number}"
            two.write_text(text.format("B"))
            assert titles() == [f"A{number}", "B"]
            two.unlink()
            assert titles() == [f"A{number}"]
            assert client.get("/api/v1/boards/two").status_code == 404


@pytest.mark.parametrize("path", ["snapshots?limit=1001", "reports?limit=3", "boards?x=1", "late/windows?limit=0"])
def test_what_is_wrong_is_told(client: TestClient, path: str) -> None:
    assert client.get(f"/api/v1/{path}").status_code == 400


def test_a_board_of_the_shipped_pipeline_is_not_that_of_another(client: TestClient, tmp_path: Path) -> None:
    names = [board["name"] for board in client.get("/api/v1/boards").json()["boards"]]
    assert len(names) == len(set(names))
