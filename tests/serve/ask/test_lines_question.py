"""Dead letters, late events and the ledger over HTTP."""

import base64

import pytest
from starlette.testclient import TestClient

from serve.ask.lines_question import SHOWN_CHARACTERS, shown_ms
from tests.query.lakes import LakeMaker
from tests.serve.served_lake import dead, late


def test_raw_values_are_text_where_they_are_and_else_base64(client: TestClient) -> None:
    found = client.get("/api/v1/dead-letters").json()["rows"]
    assert [(each["offset"], each["value"], each["value_is_base64"], each["value_bytes"]) for each in found] == [
        (4, base64.b64encode(b"\xff\x00").decode(), True, 2),
        (3, '{"a": ', False, 6),
        (5, None, False, None),
    ]


def test_of_a_long_value_the_beginning_is_sent_and_its_length_told(client: TestClient, lake: LakeMaker) -> None:
    lake.commit({"dead_letters": [dead(9, b"x" * 50_000, at_ms=9_000)]})
    (found,) = client.get("/api/v1/dead-letters?offset=9").json()["rows"]
    assert (len(found["value"]), found["value_bytes"]) == (SHOWN_CHARACTERS, 50_000)


@pytest.mark.parametrize(
    ("query", "offsets"),
    [
        ("reason=empty", [5]),
        ("topic=clicks&partition=clicks/0", [4, 3, 5]),
        ("partition=clicks/1", []),
        ("start=1970-01-01T00:00:01Z", [4, 3]),
        ("end=1970-01-01T00:00:01Z", []),
        ("limit=1", [4]),
    ],
)
def test_dead_letters_are_chosen_by_what_they_are(client: TestClient, query: str, offsets: list[int]) -> None:
    found = client.get(f"/api/v1/dead-letters?{query}").json()["rows"]
    assert [each["offset"] for each in found] == offsets


def test_dead_letters_are_counted_by_reason(client: TestClient) -> None:
    found = client.get("/api/v1/dead-letters/reasons").json()["rows"]
    assert [(each["reason"], each["records"]) for each in found] == [("malformed", 2), ("empty", 1)]
    assert client.get("/api/v1/dead-letters/reasons?end=1970-01-02T00:00:00Z").json()["rows"][0]["records"] == 2


@pytest.mark.parametrize("path", ["dead-letters", "late", "ledger"])
def test_pages_together_are_all_rows(client: TestClient, lake: LakeMaker, path: str) -> None:
    lake.commit({"late_events": [late(number, 1) for number in range(20, 27)]})
    url = f"/api/v1/{path}"
    whole = client.get(url).json()["rows"]
    page = client.get(f"{url}?limit=2").json()
    found = page["rows"]
    while page["next"]:
        lake.commit({"late_events": [late(99, 9)], "dead_letters": [dead(99, b"", at_ms=2_000)]})
        page = client.get(url, params={"limit": 2, "cursor": page["next"]}).json()
        found += page["rows"]
    assert found == whole
    assert whole


def test_late_events_are_chosen_by_rollup_and_time(client: TestClient) -> None:
    assert [each["offset"] for each in client.get("/api/v1/late").json()["rows"]] == [8, 7]
    assert client.get("/api/v1/late?rollup=campaign_1m").json()["rows"] == []
    end = "2026-01-01T12:02:00Z"
    assert [each["offset"] for each in client.get(f"/api/v1/late?end={end}").json()["rows"]] == [7]
    (first, _) = client.get("/api/v1/late?tz=Asia/Tokyo").json()["rows"]
    assert first["event_time"] == "2026-01-01T21:02:00+09:00"


@pytest.mark.parametrize("query", ["limit=x", "offset=-1", "start=2026-01-02&end=2026-01-01", "cursor=a", "reasn=x"])
def test_what_is_wrong_is_told(client: TestClient, query: str) -> None:
    assert client.get(f"/api/v1/dead-letters?{query}").status_code == 400


def test_times_are_shown_to_the_millisecond() -> None:
    assert shown_ms(1_500) == "1970-01-01T00:00:01.500Z"
    assert shown_ms(None) is None
