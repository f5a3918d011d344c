"""An old lake beside a young one: both go on from where they are, and every figure is there."""

from pathlib import Path

from bench.ages import COMMIT, COMPACTION, PROBES, SAME_SPAN, WHOLE_DAY, Aging, Stored, as_markdown, compare, grown
from bench.day_lake import Day
from bench.questions import OPENING
from bench.stream_day import totals_of
from query.reader import LakeReader


def test_a_copied_day_goes_on_by_itself_and_both_stay_exact(tmp_path: Path) -> None:
    old = Day(tmp_path / "old")
    for _ in range(3):
        old.commit()
    young = old.copied_to(tmp_path / "young")
    assert (young.epoch, young.clock.now) == (old.epoch, old.clock.now)
    young.commit()
    for _ in range(4):
        old.commit()
    young.finish()
    old.finish()
    assert young.require_exact()["records"] == 4 * 12
    assert old.require_exact()["records"] == 7 * 12
    young.close()
    old.close()


def test_all_are_timed_in_the_same_ways_and_stay_exact(tmp_path: Path) -> None:
    young, old, stored = grown(tmp_path, 3, 4)
    found = compare(young, old, stored, rounds=1, commits=2)
    assert {each.name for each in found} == {COMMIT, OPENING, COMPACTION, *SAME_SPAN, *WHOLE_DAY}
    assert all(min(each.young_ms[0], each.old_ms[0], each.new_process_ms[0]) > 0 for each in found)
    # two rounds of two commits and a probe's each
    young_records, old_records = young.require_exact()["records"], old.require_exact()["records"]
    assert young_records == (3 + 2 * (2 + PROBES)) * 12
    assert old_records == young_records + 12
    young.close()
    old.close()


def test_ages_are_told_with_their_spread_and_ratio() -> None:
    aging = Aging("commit", (4.0, 3.0, 5.0), (5.0, 4.0, 6.0), (4.0, 4.0, 4.0), (1.25, 1.2, 1.3), (1.0, 0.9, 1.1))
    times = "4.0 (3.0 to 5.0) | 5.0 (4.0 to 6.0)"
    assert as_markdown([aging]).splitlines()[-1] == (
        f"| commit | {times} | 1.25 (1.20 to 1.30) | 4.0 (4.0 to 4.0) | 1.00 (0.90 to 1.10) |"
    )


def test_a_stored_lake_goes_on_from_turn_to_turn(tmp_path: Path) -> None:
    day = Day(tmp_path / "lake")
    for _ in range(3):
        day.commit()
    stored = Stored.of(day)
    stored.turn_here(2)
    stored.turn_here(2)
    commits = 3 + 2 * 2 * (2 + PROBES)
    with LakeReader(day.folder) as reader:
        assert totals_of(reader, day.plan)["records"] == commits * 12
