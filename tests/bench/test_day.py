"""The simulated day in small: what is kept stays bounded, and every total is what was fed."""

from datetime import timedelta
from pathlib import Path

from bench.day import Stretch, as_markdown, live_day
from bench.day_lake import COMPACT_EVERY, Day
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.tiers import FAN_IN

COMMITS = 1_200
# the defaults, each as much shorter as these minutes are shorter than a day
SHORT = Retention(
    keep=timedelta(minutes=4),
    thin_after=timedelta(minutes=1),
    thin_every=timedelta(seconds=10),
    grace=timedelta(seconds=45),
)


def test_files_snapshots_and_keys_stay_bounded_and_totals_exact(tmp_path: Path) -> None:
    day = Day(tmp_path / "lake")
    most_files = most_snapshots = most_keys = most_waiting = most_on_disk = 0
    count = day.catalog.one
    for number in range(1, COMMITS + 1):
        day.commit()
        if number % COMPACT_EVERY:
            continue
        waiting = count("SELECT count(*) FROM ducklake_files_scheduled_for_deletion")[0]
        report = day.compact(SHORT)
        assert report.skipped == ()
        most_files = max(most_files, *report.files.values())
        if number > COMMITS // 2:
            most_snapshots = max(most_snapshots, count("SELECT count(*) FROM ducklake_snapshot")[0])
            most_keys = max(most_keys, count("SELECT count(*) FROM own_publish")[0])
            most_waiting = max(most_waiting, waiting)
            most_on_disk = max(most_on_disk, len(list(day.folder.rglob("*.parquet"))))
    day.finish()
    assert most_files <= 2 * FAN_IN
    # a minute of all, three minutes of one in ten seconds, and those of a round of compaction
    assert most_snapshots <= 240 + 24 + COMPACT_EVERY + 10 * 6
    assert most_keys <= 1_001
    # three files a commit, of the grace and the rounds around it
    assert most_waiting <= 3 * 3 * COMPACT_EVERY + 100
    assert most_on_disk <= most_waiting + 5 * 2 * FAN_IN + 3 * COMPACT_EVERY
    assert day.require_exact()["records"] == COMMITS * 12
    day.close()


def test_a_stretch_is_told_in_figures(tmp_path: Path) -> None:
    stretches: list[Stretch] = [stretch for _, stretch in live_day(tmp_path / "lake", 3, 2)]
    assert [stretch.commits for stretch in stretches] == [2, 1]
    assert set(stretches[0].reports_ms) == {"clicks_per_ad", "top_campaigns", "revenue_per_hour"}
    assert len(as_markdown(stretches).splitlines()) == 6
