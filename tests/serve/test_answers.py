"""Tags and kept answers: nothing is made twice, and no tag lies."""

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serve.answers import AHEAD_S, ASKED_S, Answered, Answers, Wanted
from serve.ask.question import Question
from serve.ask.ways import question_of
from serve.forms import JSON
from serve.lake import LakeAt, ServedLake
from tests.query.lakes import T0, LakeMaker, ads_pipeline, clicks, ledger
from tests.serve.served_lake import ADS, NOW, fill, serving
from tests.slowness import slowness

PATHS = [
    "/api/v1/reports/clicks_per_ad",
    "/api/v1/reports/ad_clicks_1m?last=1d&format=csv",
    "/api/v1/schema",
    "/api/v1/status",
    "/api/v1/snapshots",
    "/api/v1/dead-letters?format=parquet",
]


@pytest.mark.parametrize("path", PATHS)
def test_who_has_the_answer_already_is_told_so_until_the_next_commit(
    client: TestClient, lake: LakeMaker, path: str
) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    newer = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert newer.status_code == 200
    assert newer.headers["etag"] != first.headers["etag"]


def test_a_range_that_moves_with_the_clock_has_a_tag_of_each_minute(lake: LakeMaker) -> None:
    tags = []
    for later in (0, 5, 60):
        with serving(lake.folder, now=NOW + timedelta(seconds=later)) as client:
            tags.append(client.get("/api/v1/reports/clicks_per_ad").headers["etag"])
    assert tags[0] == tags[1] != tags[2]


def test_a_window_that_becomes_final_without_a_commit_changes_the_tag(tmp_path: Path) -> None:
    # an idle partition is left out, and so the one that is far ahead decides; views go by the machine's clock
    path = "/api/v1/reports/ad_clicks_1m?last=1d"
    # the first answer has to come before that
    idle_s = round(2 * slowness())
    with LakeMaker(tmp_path / "lake", ads_pipeline(idle_timeout=f"{idle_s}s")) as lake:
        lake.clock = datetime.now(UTC)
        ends = [ledger("clicks/0", 0, 9, T0), ledger("clicks/1", 0, 9, T0 + timedelta(hours=2))]
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": ends}, after_s=0)
        with serving(lake.folder, clock=lambda: datetime.now(UTC)) as client:
            first = client.get(path)
            while (after := client.get(path, headers={"If-None-Match": first.headers["etag"]})).status_code == 304:
                time.sleep(0.1)
    found = [(answer.json()["snapshot"]["id"], answer.json()["rows"][0]["is_final"]) for answer in (first, after)]
    assert found == [(2, False), (2, True)]


def test_another_lake_at_the_same_place_has_other_tags(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as first, LakeMaker(tmp_path / "other") as second:
        fill(first)
        fill(second)
        second.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    with serving(tmp_path / "lake") as client:
        path = "/api/v1/reports/ad_clicks_1m?last=1d&key.ad_id=z"
        before = client.get(path)
        (tmp_path / "lake").rename(tmp_path / "gone")
        missing = client.get(path)
        assert (missing.status_code, missing.json()["type"]) == (503, "urn:tidemill:problem:lake-missing")
        (tmp_path / "other").rename(tmp_path / "lake")
        after = client.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert (before.json()["count"], after.status_code, after.json()["count"]) == (0, 200, 1)


def test_what_is_asked_again_and_again_is_there_before_its_snapshot_is_shown(
    lake: LakeMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serve.lake.BEHIND_S", 300.0)
    served = ServedLake(lake.folder, ADS, lambda: NOW)
    while served.behind_s() > 300:
        time.sleep(0.005)
    # a clock that stands still: nothing takes too long
    answers = Answers(served, 10.0, lambda: 0.0)
    made: list[tuple[str, int]] = []
    original = answers._make

    def make(question: Question, wanted: Wanted, at: LakeAt, tag: str, headers: Mapping[str, str]) -> Answered:
        made.append((threading.current_thread().name, at.snapshot.id))
        return original(question, wanted, at, tag, headers)

    answers._make = make  # type: ignore[method-assign]  # counted
    served.ahead(answers.ahead)
    question, wanted = question_of("reports/ad_clicks_1m", [("last", "1d")]), Wanted(JSON)
    older = answers.of("a", question, wanted)
    number = lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    while (newer := answers.of("a", question, wanted)).headers["X-Snapshot-Id"] != str(number):
        time.sleep(0.005)
    served.close()
    assert newer.tag != older.tag
    assert [name for name, of in made if of == number] == ["tidemill-follower"]


def test_what_takes_long_is_not_made_ahead(lake: LakeMaker) -> None:
    served = ServedLake(lake.folder, ADS, lambda: NOW)
    now = [0.0]
    answers = Answers(served, 10.0, lambda: now[0])
    original = answers._make
    made: list[int] = []

    def make(question: Question, wanted: Wanted, at: LakeAt, tag: str, headers: Mapping[str, str]) -> Answered:
        now[0] += AHEAD_S / 2 if question is quick else AHEAD_S * 2
        made.append(at.snapshot.id)
        return original(question, wanted, at, tag, headers)

    answers._make = make  # type: ignore[method-assign]  # counted
    quick, slow = question_of("schema", []), question_of("reports/ad_clicks_1m", [("last", "1d")])
    answers.of("quick", quick, Wanted(JSON))
    # asked last, and yet in nobody's way
    answers.of("slow", slow, Wanted(JSON))
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    answers.ahead(served.at(newest=True))
    assert made == [2, 2, 3]
    now[0] += ASKED_S * 2
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    answers.ahead(served.at(newest=True))
    # nobody has asked for long
    assert made == [2, 2, 3]
    served.close()


def test_the_word_today_in_the_notes_of_a_report_makes_no_new_answer_of_each_moment(lake: LakeMaker) -> None:
    moments = iter(NOW + timedelta(seconds=each) for each in range(1_000))
    with serving(lake.folder, clock=lambda: next(moments)) as client:
        path = f"/api/v1/reports/top_campaigns?day={NOW:%Y-%m-%d}"
        first = client.get(path)
        assert client.get(path).headers["etag"] == first.headers["etag"]
