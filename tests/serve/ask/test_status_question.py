"""How the pipeline stands."""

from datetime import timedelta
from pathlib import Path

from starlette.testclient import TestClient

from tests.query.lakes import T0, LakeMaker, ledger
from tests.serve.served_lake import NOW, serving


def status(client: TestClient) -> dict:
    return client.get("/api/v1/status").json()


def test_figures_are_those_of_the_ledger(client: TestClient) -> None:
    told = status(client)
    assert (told["records"], told["accepted"], told["dead"], told["late_events"]) == (100, 100, 3, 2)
    assert told["newest_event_at"] == "2026-01-01T12:07:10.000Z"
    assert told["freshness_ms"] == 70_000
    assert told["watermark"] == "2026-01-01T12:07:05.000Z"
    assert (told["last_commit_at"], told["last_commit_age_ms"]) == ("2026-01-01T12:08:00.000Z", 20_000)


def test_rates_are_of_the_last_seconds_before_now(lake: LakeMaker) -> None:
    lake.commit({"ledger": [ledger("clicks/0", 100, 150, T0 + timedelta(minutes=8))]}, after_s=15)
    with serving(lake.folder) as client:
        assert status(client)["events_per_s"] == 5.0
    with serving(lake.folder, now=NOW + timedelta(minutes=1)) as client:
        assert status(client)["events_per_s"] == 0.0


def test_partitions_tell_why_windows_wait_for_them(lake: LakeMaker) -> None:
    lake.commit(
        {
            "ledger": [
                ledger("clicks/1", 0, 50, T0),
                ledger("clicks/2", 0, 0, None),
                ledger("clicks/3", 0, 9, T0, final=True, finished=True),
            ]
        }
    )
    with serving(lake.folder) as client:
        told = {each["partition"]: each for each in status(client)["partitions"]}
    assert [(name, each["next_offset"], each["active"], each["decides"]) for name, each in told.items()] == [
        ("clicks/0", 100, True, False), ("clicks/1", 50, True, False), ("clicks/2", 0, True, True),
        ("clicks/3", 9, True, False),
    ]  # fmt: skip
    assert "no valid event yet, which holds every window open" in told["clicks/2"]["why"]
    assert "--final" in told["clicks/3"]["why"]
    assert told["clicks/1"]["watermark_behind_ms"] == 430_000


def test_the_smallest_active_watermark_decides_and_an_idle_one_is_left_out(lake: LakeMaker) -> None:
    lake.commit({"ledger": [ledger("clicks/1", 0, 50, T0)]})
    with serving(lake.folder) as client:
        told = status(client)
        assert [each["decides"] for each in told["partitions"]] == [False, True]
        assert "7.2 min" in told["partitions"][1]["why"]
    lake.commit({"ledger": [ledger("clicks/0", 100, 101, T0 + timedelta(minutes=8))]}, after_s=60)
    with serving(lake.folder, now=NOW + timedelta(minutes=1)) as client:
        told = status(client)
        assert [each["active"] for each in told["partitions"]] == [True, False]
        assert "idle since 2026-01-01 12:08:01 UTC" in told["partitions"][1]["why"]


def test_the_lag_is_told_where_records_have_times_and_else_why_not(lake: LakeMaker) -> None:
    with serving(lake.folder) as client:
        assert status(client)["lag_ms"] is None
        assert "no event has been committed" in status(client)["lag_why"]
        lake.commit({"events": [event(1, T0 + timedelta(minutes=7))]}, after_s=60)
        assert status(client)["lag_ms"] == 120_000
        lake.commit({"events": [event(2, T0 + timedelta(hours=7))]}, after_s=1)
        assert (status(client)["lag_ms"], "clock is ahead" in status(client)["lag_why"]) == (None, True)
        lake.commit({"ledger": [ledger("clicks/0", 100, 100, None)]}, after_s=1)
        assert "no event" in status(client)["lag_why"]


def event(offset: int, at) -> dict:
    return {
        "topic": "clicks",
        "partition": "clicks/0",
        "offset": offset,
        "record_timestamp": int(at.timestamp() * 1000),
    }


def test_a_lake_without_events_says_why_there_is_no_lag(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake", events=False) as lake:
        lake.commit({"ledger": [ledger("p", 0, 1, T0)]})
        with serving(lake.folder) as client:
            assert "keeps no events" in status(client)["lag_why"]
