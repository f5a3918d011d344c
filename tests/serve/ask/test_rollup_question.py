"""Any rollup over HTTP: ranges, keys, conditions, order, putting together, pages."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dataflow import Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble
from tests.query.lakes import T0, LakeMaker, clicks, ledger
from tests.query.reports.shop import Order, row, shop_lake
from tests.serve.served_lake import serving

ADS = "/api/v1/reports/ad_clicks_1m"


def rows(client: TestClient, query: str, path: str = ADS) -> list[dict]:
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def counts(client: TestClient, query: str) -> list[tuple]:
    return [(row["ad_id"], row["window_start"][11:16], row["clicks"]) for row in rows(client, query)]


def test_the_newest_windows_come_first_and_last_says_how_far_back(client: TestClient) -> None:
    assert counts(client, "last=2m") == [("a", "12:07", 8), ("b", "12:07", 9), ("a", "12:06", 7), ("b", "12:06", 8)]
    assert counts(client, "last=1m&at=2026-01-01T12:03:30Z") == [
        ("a", "12:03", 4), ("b", "12:03", 5), ("c", "12:03", 9), (None, "12:03", 1),
    ]  # fmt: skip
    assert counts(client, "last=90s&at=now") == [("a", "12:07", 8), ("b", "12:07", 9)]


def test_start_and_end_are_half_open(client: TestClient) -> None:
    query = "start=2026-01-01T12:01:00Z&end=2026-01-01T12:02:00Z"
    assert counts(client, query) == [("a", "12:01", 2), ("b", "12:01", 3)]
    assert counts(client, "end=2026-01-01T12:01:00Z") == [("a", "12:00", 1), ("b", "12:00", 2)]
    assert counts(client, "start=2026-01-01T13:07:00%2B01:00") == [("a", "12:07", 8), ("b", "12:07", 9)]


def test_keys_are_filters_any_of_several_and_null_by_its_own_sign(client: TestClient) -> None:
    assert {row["ad_id"] for row in rows(client, "key.ad_id=c&key.ad_id=a")} == {"a", "c"}
    assert counts(client, r"key.ad_id=\N") == [(None, "12:03", 1)]
    assert counts(client, "key.ad_id=") == []
    assert counts(client, "key.ad_id=a' OR '1'='1") == []


def test_conditions_order_and_top(client: TestClient) -> None:
    assert counts(client, "where=clicks > 8&by=clicks") == [("b", "12:07", 9), ("c", "12:03", 9)]
    assert counts(client, "top=2&by=ad_id") == [("a", "12:07", 8), ("a", "12:06", 7)]
    assert counts(client, "top=1") == [("b", "12:07", 9)]


def test_windows_are_put_together_by_spans_of_time(client: TestClient) -> None:
    found = rows(client, "every=5m&key.ad_id=a&last=1d")
    assert [(each["window_start"], each["window_end"][11:16], each["clicks"], each["spend"]) for each in found] == [
        ("2026-01-01T12:05:00Z", "12:10", 6 + 7 + 8, "0.150000"),
        ("2026-01-01T12:00:00Z", "12:05", 1 + 2 + 3 + 4 + 5, "0.250000"),
    ]
    assert [each["is_final"] for each in found] == [False, True]


def test_keys_are_put_together(client: TestClient) -> None:
    (found,) = rows(client, "every=1h&group=&last=1d")
    assert "ad_id" not in found
    assert found["clicks"] == sum(range(1, 9)) + sum(range(2, 10)) + 10
    per_window = rows(client, "group=&last=2m")
    assert [each["clicks"] for each in per_window] == [17, 15]


def test_the_whole_range_is_one_row_per_key(client: TestClient) -> None:
    found = rows(client, "total=true&last=1d")
    assert [(each["ad_id"], each["clicks"]) for each in found] == [("b", 44), ("a", 36), ("c", 9), (None, 1)]
    assert rows(client, "total=true&key.ad_id=nobody&group=") == []
    assert [each["ad_id"] for each in rows(client, "total=true&by=ad_id&top=2")] == ["a", "b"]


@pytest.mark.parametrize("query", ["last=1d", "last=1d&by=clicks", "total=true&by=spend", "every=5m&last=1d", "group="])
@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "arrow"])
def test_pages_together_are_the_whole_while_commits_go_on(
    client: TestClient, lake: LakeMaker, query: str, form: str
) -> None:
    whole = client.get(f"{ADS}?{query}").json()["rows"]
    columns = client.get(f"{ADS}?{query}").json()["columns"]
    sizes: list[int] = []
    cursor = ""
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        page = client.get(f"{ADS}?{query}&limit=3&format={form}{more}")
        assert page.status_code == 200
        if form == "json":
            at = sum(sizes)
            assert page.json()["rows"] == whole[at : at + 3]
            assert page.json()["columns"] == columns
        lake.commit({"ad_clicks_1m_delta": [clicks("b", minute, 50) for minute in range(-3, 8)]})
        cursor = page.headers.get("x-next-cursor", "")
        sizes.append(3 if cursor else len(whole) - sum(sizes))
        if not cursor:
            break
    assert sum(sizes) == len(whole)
    assert len(sizes) == -(-len(whole) // 3)


def test_top_ends_the_pages(client: TestClient) -> None:
    first = client.get(f"{ADS}?top=5&limit=3&last=1d").json()
    second = client.get(f"{ADS}", params={"top": 5, "limit": 3, "last": "1d", "cursor": first["next"]}).json()
    assert (first["count"], second["count"], second["next"]) == (3, 2, None)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("key.nothing=1", "no such key"),
        ("by=nothing", "no such column here"),
        ("group=nothing", "no such key"),
        ("where=nothing > 1", "nothing"),
        ("where=DROP TABLE x", "where"),
        ("every=90s", "every = '90s': write a multiple of the window's 1m"),
        ("every=90000ms", "every = '90000ms': write"),
        ("start=2026-01-02&end=2026-01-01T01", "end = '2026-01-01T01': must be after start"),
        ("every=5m&total=true", "leave one of them out"),
        ("last=1h&start=2026-01-01", "leave one of them out"),
        ("start=2026-01-02&end=2026-01-01", "must be after start"),
        ("top=0", "from 1"),
        ("at=noon", "is no time"),
        ("tz=Mars", "no time zone"),
        ("last=0s", "whole number and ms"),
        ("minutes=5", "no such parameter"),
    ],
)
def test_what_is_wrong_is_told(client: TestClient, query: str, why: str) -> None:
    answer = client.get(f"{ADS}?{query}")
    assert answer.status_code == 400
    assert why in answer.json()["detail"]


def test_a_cursor_that_was_made_by_hand_is_refused_or_harmless(client: TestClient) -> None:
    import base64
    import json

    first = client.get(f"{ADS}?limit=3&last=1d").json()["next"]
    told = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    for last in ([], ["x"] * 3, [None] * 3, ["') OR true --"] * 3, ["0"] * 99):
        forged = base64.urlsafe_b64encode(json.dumps([*told[:5], last]).encode()).decode()
        answer = client.get(ADS, params={"limit": 3, "last": "1d", "cursor": forged})
        assert answer.status_code in (200, 400)


def test_windows_that_overlap_are_not_added_up_but_their_keys_are(tmp_path: Path) -> None:
    with shop_lake(tmp_path / "lake") as lake:
        lake.commit(
            {"city_5m_delta": [row("x", 0, 5, 2), row("y", 0, 5, 3)], "city_visits_delta": [row("x", 1, 11, 4)]}
        )
        with serving(lake.folder, pipeline=None) as client:
            assert "overlap" in client.get("/api/v1/reports/city_5m?total=true").json()["detail"]
            (found,) = rows(client, "group=", "/api/v1/reports/city_5m")
            assert (found["orders"], "buyers" in found) == (5, False)
            answer = client.get("/api/v1/reports/city_visits?group=").json()
            assert "sessions" in answer["detail"]
            assert "without buyers" in client.get("/api/v1/reports/city_5m?group=").json()["note"]


def test_a_rollup_without_a_window_says_so(tmp_path: Path) -> None:
    with shop_lake(tmp_path / "lake") as lake:
        lake.commit({"city_5m_delta": [row("x", 0, 5, 2)]})
        with serving(lake.folder, pipeline=None) as client:
            answer = client.get("/api/v1/reports/city_1m").json()
            assert (answer["rows"], answer["provisional_from"]) == ([], None)
            assert "no window yet" in answer["note"]


def test_the_open_day_of_a_zone_is_told_as_provisional_from_its_own_midnight(tmp_path: Path) -> None:
    days = Rollup("days", ["city"], tumble("1d", zone="Europe/Amsterdam"), {"orders": agg.count()})
    with LakeMaker(tmp_path / "lake", Pipeline("shop", Order, [days])) as lake:
        # T0 is noon UTC, so these two days begin 13 hours before it and 37
        lake.commit(
            {
                "days_delta": [{"city": "x", **day} for day in (_day(-13), _day(-37))],
                "ledger": [ledger("clicks/0", 0, 2, T0)],
            }
        )
        with serving(lake.folder, pipeline=None) as client:
            answer = client.get("/api/v1/reports/days?last=2d").json()
            assert [(each["window_start"], each["is_final"]) for each in answer["rows"]] == [
                ("2025-12-31T23:00:00Z", False),
                ("2025-12-30T23:00:00Z", True),
            ]
            assert answer["provisional_from"] == "2025-12-31T23:00:00Z"


def _day(start_h: int) -> dict[str, Any]:
    day = row("x", start_h * 60, 1440, 1)
    return {name: day[name] for name in ("window_start", "window_end", "orders", "row_count", "late_count")}
