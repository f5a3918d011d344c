"""An old lake beside a young one: both go on from where they are, and every figure is there."""

from pathlib import Path

from bench.ages import COMMIT, COMPACTION, SAME_SPAN, WHOLE_DAY, Aging, as_markdown, compare, grown
from bench.day_lake import Day
from bench.questions import OPENING


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


def test_both_lakes_are_timed_in_the_same_ways(tmp_path: Path) -> None:
    old = Day(tmp_path / "old")
    old.commit()
    young = old.copied_to(tmp_path / "young")
    found = compare(young, old, rounds=1, commits=2)
    assert {each.name for each in found} == {COMMIT, OPENING, COMPACTION, *SAME_SPAN, *WHOLE_DAY}
    assert all(each.young_ms[0] > 0 and each.old_ms[0] > 0 for each in found)
    assert young.require_exact() == old.require_exact()
    young.close()
    old.close()


def test_ages_are_told_with_their_spread_and_ratio() -> None:
    assert as_markdown([Aging("commit", (4.0, 3.0, 5.0), (5.0, 4.0, 6.0), (1.25, 1.2, 1.3))]).splitlines()[-1] == (
        "| commit | 4.0 (3.0 to 5.0) | 5.0 (4.0 to 6.0) | 1.25 (1.20 to 1.30) |"
    )


def test_a_grown_lake_keeps_its_copy_from_when_it_was_young(tmp_path: Path) -> None:
    young, old = grown(tmp_path, 3, 5)
    assert (young.epoch, old.epoch) == (3, 5)
    old.finish()
    assert young.require_exact()["records"] == 3 * 12
    assert old.require_exact()["records"] == 5 * 12
    young.close()
    old.close()
