"""What leaves a lake: windows whole or not at all, row tables by whole files, and nothing that may still change."""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.upkeep.erase import erase
from sinks.lake.upkeep.keeping import SLOTS
from sinks.lake.upkeep.leave import slots_of_lake
from tests.sinks.lake.reading import rows_of
from tests.sinks.lake.small import NOON
from tests.sinks.lake.upkeep.leaving import (
    AT_ONCE,
    FOREVER,
    GAP_MS,
    MINUTE_MS,
    Hit,
    Leaving,
    minutes_of,
    plan_of,
    visits_of,
)
from tests.sinks.lake.upkeep.people import condition, definition_of

HOUR_MS = 60 * MINUTE_MS
KEEP_MS = 160 * MINUTE_MS
"""Sixteen slots of ten minutes."""


def steady(lake: Leaving, minutes: range, *, ad: str = "a") -> None:
    """A hit every minute, one commit each."""
    for minute in minutes:
        lake.commit([Hit(ad, minute * MINUTE_MS + 1_000, minute % 3)])


@pytest.fixture
def lake(tmp_path: Path) -> Leaving:
    return Leaving(tmp_path / "lake", plan_of("160m", events_keep="160m"))


def after(shown: list[tuple[Any, ...]], before_ms: int) -> list[tuple[Any, ...]]:
    return [row for row in shown if row[2] > before_ms]


def test_nothing_leaves_unless_the_pipeline_says_so(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of())
    steady(lake, range(0, 600, 10))
    assert lake.compact().departures == ()
    assert lake.left() == {}
    assert lake.minutes() == minutes_of(lake.hits)


def ms(time: datetime) -> int:
    return (time - datetime(1970, 1, 1)) // timedelta(milliseconds=1)


def test_windows_older_than_keep_leave_in_steps_of_a_sixteenth(lake: Leaving) -> None:
    steady(lake, range(0, 300, 10))
    report = lake.compact()
    newest = lake.hits[-1].time_ms
    border = (newest - KEEP_MS) // (KEEP_MS // SLOTS) * (KEEP_MS // SLOTS)
    assert {each.name: each.before_ms for each in report.departures} == dict.fromkeys(
        ["events", "minutes", "visits"], border
    )
    assert lake.minutes() == after(minutes_of(lake.hits), border)
    assert lake.visits() == after(visits_of(lake.hits), border)
    assert [ms(row["time"]) for row in rows_of(lake.folder, "events")] == [
        hit.time_ms for hit in lake.hits if hit.time_ms >= border
    ]
    assert lake.compact().departures == ()


def test_a_snapshot_from_before_shows_it_all(lake: Leaving) -> None:
    steady(lake, range(0, 300, 10))
    before = lake.head()
    lake.compact()
    assert lake.minutes(before) == minutes_of(lake.hits)
    assert lake.visits(before) == visits_of(lake.hits)
    assert len(rows_of(lake.folder, "events", before)) == len(lake.hits)


def test_files_are_deleted_once_no_snapshot_needs_them_and_the_grace_is_over(lake: Leaving) -> None:
    steady(lake, range(0, 300, 10))
    lake.compact()
    held = lake.files("events")
    assert held >= 30
    for _ in range(3):
        lake.clock.now += timedelta(days=1)
        lake.compact(AT_ONCE)
    listed = {"events", "minutes_delta", "visits_delta", "minutes_users_distinct", "visits_users_distinct"}
    catalog = Catalog.open(lake.folder)
    for table in listed:
        rows = catalog.one(
            "SELECT count(*), count(f.end_snapshot) FROM ducklake_data_file f JOIN ducklake_table USING (table_id)"
            " WHERE table_name = ?",
            table,
        )
        assert rows == (lake.files(table), 0), table
    assert catalog.one("SELECT count(*) FROM own_file")[0] == catalog.one("SELECT count(*) FROM ducklake_data_file")[0]
    catalog.close()


def test_a_file_that_reaches_over_the_border_stays_and_its_old_windows_are_not_shown(lake: Leaving) -> None:
    lake.commit([Hit("a", 0, 1), Hit("a", 250 * MINUTE_MS, 1)])
    steady(lake, range(300, 302))
    lake.compact()
    assert [row["window_end"].minute for row in rows_of(lake.folder, "minutes_delta")][:2] == [1, 11]
    assert [row[1] for row in lake.minutes()] == [minute * MINUTE_MS for minute in (250, 300, 301)]


def test_what_comes_for_a_window_that_has_left_is_no_half_window(lake: Leaving) -> None:
    steady(lake, range(0, 300, 10))
    lake.compact()
    shown = lake.minutes()
    lake.commit([Hit("a", 6 * MINUTE_MS, 9)], partition="t/new")
    assert lake.minutes() == shown
    lake.compact()
    assert lake.minutes() == shown
    assert [row for row in rows_of(lake.folder, "minutes_delta") if row["window_end"].hour == 0] == []


def test_a_session_that_goes_on_over_the_border_stays_whole(lake: Leaving) -> None:
    for begin in range(0, 240 * 60, 480):
        lake.commit([Hit("long", second * 1_000, second % 3) for second in range(begin, begin + 480, 8)])
    steady(lake, range(240, 300, 10))
    steady(lake, range(300, 320, 10), ad="b")
    lake.compact()
    border = lake.left()["visits"].before_ms
    assert border == 150 * MINUTE_MS
    assert lake.visits() == after(visits_of(lake.hits), border)
    assert lake.visits()[-1][1] == 0
    assert lake.visits()[-1][3] == 240 * 60 // 8


def test_a_partition_that_lags_or_is_silent_for_less_than_keep_holds_everything(lake: Leaving) -> None:
    lake.commit([Hit("b", 0, 1)], partition="t/1")
    steady(lake, range(0, 300, 10))
    assert lake.compact().departures == ()
    lake.clock.now += timedelta(minutes=150)
    steady(lake, range(300, 303))
    assert lake.compact().departures == ()
    lake.clock.now += timedelta(minutes=11)
    steady(lake, range(303, 304))
    assert {each.name for each in lake.compact().departures} == {"events", "minutes", "visits"}


def test_a_lake_that_stands_still_loses_nothing_however_long(lake: Leaving) -> None:
    lake.commit([Hit("b", 0, 1)], partition="t/1")
    steady(lake, range(0, 300, 10))
    lake.clock.now += timedelta(days=400)
    assert lake.compact().departures == ()


def test_a_backfill_of_old_files_that_have_all_ended_keeps_the_last_of_them(lake: Leaving) -> None:
    lake.commit([Hit("a", minute * MINUTE_MS, 1) for minute in range(0, 100, 10)], partition="old", finished=True)
    steady(lake, range(100, 290, 10))
    lake.commit([Hit("a", 300 * MINUTE_MS, 1)], finished=True)
    lake.compact()
    assert lake.left()["minutes"].before_ms == 140 * MINUTE_MS
    assert lake.minutes() == after(minutes_of(lake.hits), 140 * MINUTE_MS)


def test_a_border_never_moves_back_and_keep_may_change_from_run_to_run(lake: Leaving) -> None:
    steady(lake, range(0, 300, 10))
    lake.compact()
    border = lake.left()["minutes"].before_ms
    for keep in ("10h", None):
        lake.restart(plan_of(keep))
        lake.compact()
        assert lake.left()["minutes"].before_ms == border
        assert lake.minutes() == after(minutes_of(lake.hits), border)
    lake.restart(plan_of("32m"))
    lake.compact()
    assert lake.left()["minutes"].before_ms == 258 * MINUTE_MS
    assert lake.minutes() == after(minutes_of(lake.hits), 258 * MINUTE_MS)


def test_a_rollup_that_the_pipeline_no_longer_has_stays_as_it_is(lake: Leaving) -> None:
    steady(lake, range(0, 300, 10))
    plan = plan_of("160m")
    lake.restart(plan_of("160m", rollups=plan.pipeline.rollups[:1]))
    lake.compact()
    assert set(lake.left()) == {"minutes"}
    assert lake.visits() == visits_of(lake.hits)


def test_late_events_leave_by_the_watermark_that_judged_them(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of(late_events_keep="160m"))
    for minute in range(0, 300, 10):
        late = {"rollup": "minutes", "topic": "t", "partition": "t/0", "offset": minute, "event_time": 0}
        late |= {"watermark": minute * MINUTE_MS, "late_by_ms": 1}
        lake.commit_rows([Hit("a", minute * MINUTE_MS, 1)], {"late_events": [late]})
    lake.compact()
    minutes = [ms(row["watermark"]) // MINUTE_MS for row in rows_of(lake.folder, "late_events")]
    assert minutes == list(range(130, 300, 10))


def test_dead_letters_leave_by_the_event_time_that_their_commit_had_reached(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of(dead_letters_keep="160m"))
    for minute in range(0, 300, 10):
        dead = {"topic": "t", "partition": "t/0", "offset": minute, "reason": "malformed", "message": "no"}
        lake.commit_rows([Hit("a", minute * MINUTE_MS, 1)], {"dead_letters": [dead]})
        if minute % 50 == 40:
            lake.compact()
    lake.compact()
    kept = [row["offset"] for row in rows_of(lake.folder, "dead_letters")]
    # the ledger's files, which tell the time, are merged by steps, too
    assert kept == list(range(kept[0], 300, 10))
    assert 80 <= kept[0] <= 130


def test_merged_files_leave_as_whole_as_small_ones(lake: Leaving) -> None:
    for number in range(120):
        lake.commit([Hit("a", number * 4 * MINUTE_MS + 1_000, number % 3)])
        if number % 10 == 9:
            lake.compact()
    report = lake.compact()
    border = lake.left()["minutes"].before_ms
    assert lake.minutes() == after(minutes_of(lake.hits), border)
    oldest = min(ms(row["time"]) for row in rows_of(lake.folder, "events"))
    assert border - oldest <= KEEP_MS // SLOTS
    # a slot ends as one file, but for the newest one
    assert report.files["events"] <= SLOTS + 10


def test_an_event_from_the_future_does_not_stop_merging_by_slots(lake: Leaving) -> None:
    lake.commit([Hit("a", 4_000_000_000_000, 1)], partition="t/9")
    lake.commit([], partition="t/9", finished=True)
    for number in range(80):
        lake.commit([Hit("a", number * 5 * MINUTE_MS + 1_000, number % 3)])
        if number % 10 == 9:
            lake.compact()
    catalog = Catalog.open(lake.folder)
    assert set(slots_of_lake(catalog, lake.clock())) >= {"events", "minutes_delta", "visits_users_distinct"}
    catalog.close()
    assert lake.minutes() == after(minutes_of(lake.hits), lake.left()["minutes"].before_ms)
    assert len(rows_of(lake.folder, "events")) < 50


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**32))
def test_a_window_is_whole_or_gone_and_what_may_change_or_is_younger_is_never_touched(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    draw = random.Random(seed)
    lake = Leaving(tmp_path_factory.mktemp("random") / "lake", plan_of("80s", events_keep="80s"))
    # by the commits' own clock no partition is ever silent
    lake.writer._clock = lambda: NOON
    newest_ms = 0
    for partition in ("t/0", "t/1"):
        lake.commit([], partition)
    for step in range(60):
        newest_ms += draw.randrange(9) * 1_000
        partition = draw.choice(["t/0", "t/1"])
        # now and then a key pauses, so that sessions end
        keys = "ab" if newest_ms // 40_000 % 2 else "a" if newest_ms // 20_000 % 4 else "b"
        hits = [
            Hit(draw.choice(keys), max(newest_ms - draw.randrange(12_000), 0), draw.randrange(3))
            for _ in range(draw.randrange(1, 4))
        ]
        # a row that its partition's watermark has passed by is late and in no window
        watermark = lake.newest.get(partition, -1)
        lake.commit([hit for hit in hits if hit.time_ms + GAP_MS > watermark], partition)
        if step % 12 == 11:
            lake.compact(draw.choice([AT_ONCE, FOREVER]))
            require_whole_or_gone(lake)
        elif step % 20 == 19:
            keep = draw.choice(["80s", "80s", "2m"])
            lake.restart(plan_of(keep, events_keep=keep))
            lake.writer._clock = lambda: NOON
            require_whole_or_gone(lake)
    assert lake.left().keys() == {"events", "minutes", "visits"}


def require_whole_or_gone(lake: Leaving) -> None:
    gone = lake.left()
    slowest = min(lake.newest.get(name, -1) for name in lake.ends)
    for name, shown, wanted in (
        ("minutes", lake.minutes(), minutes_of(lake.hits)),
        ("visits", lake.visits(), visits_of(lake.hits)),
    ):
        before = gone[name].before_ms if name in gone else -1
        assert shown == after(wanted, before), (name, before)
        assert before <= slowest
    before = gone["events"].before_ms if "events" in gone else -1
    times = sorted(ms(row["time"]) for row in rows_of(lake.folder, "events"))
    wanted_times = sorted(hit.time_ms for hit in lake.hits)
    assert [time for time in times if time >= before] == [time for time in wanted_times if time >= before]


def test_an_erasure_finds_what_has_left_and_older_snapshots_still_show(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of("160m", events_keep="160m"))
    steady(lake, range(0, 600, 10))
    assert lake.compact().departures
    catalog = Catalog.open(lake.folder)
    wanted = condition(catalog, "user = 1")
    before = lake.ask("SELECT * FROM events WHERE user <> 1 ORDER BY ALL")
    done = erase(catalog, definition_of(catalog), wanted, clock=lake.clock, wait=lambda: None)
    assert done.found.past_rows["events"] > 0
    assert done.found.rows["events"] > 0
    assert done.proof.left == []
    catalog.close()
    users = [pq.read_table(path, columns=["user"]).column(0).to_pylist() for path in lake.folder.glob("main/events/*")]
    assert users
    assert not any(1 in each for each in users)
    assert lake.ask("SELECT * FROM events ORDER BY ALL") == before
    assert lake.compact().departures == ()
