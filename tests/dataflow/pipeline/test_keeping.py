"""How long things stay is checked against what is still needed of them."""

from dataflow.pipeline.checks import Mistakes
from dataflow.pipeline.keeping import check_keep_of_alerts, check_keeps
from tests.sinks.lake.small import small_plan

PLAN = small_plan()
MINUTES, VISITS = PLAN.rollups[:2]
HOUR = 3_600_000


def test_what_has_no_time_stays_for_ever() -> None:
    mistakes = Mistakes()
    kept = check_keeps(mistakes, PLAN.pipeline, [(MINUTES, "a.keep", "1h"), (VISITS, "b.keep", None)], 5_000, 0)
    assert kept == {"per_ad": HOUR}
    assert mistakes.lines == []


def test_a_rollup_stays_for_as_long_as_its_windows_take_rows() -> None:
    mistakes = Mistakes()
    check_keeps(mistakes, PLAN.pipeline, [(MINUTES, "a.keep", "1m")], 5_000, 0)
    (line,) = mistakes.lines
    assert line.startswith("a.keep = '1m': shorter than its window 1m + out_of_orderness 5s")
    assert line.endswith('write at least keep="65s"')


def test_alerts_stay_for_the_longest_time_and_for_ever_if_one_rule_says_none() -> None:
    rules = [(MINUTES, "a.keep", "1h"), (MINUTES, "b.keep", "2h")]
    assert check_keep_of_alerts(Mistakes(), rules, 0) == {"alerts": 2 * HOUR}
    assert check_keep_of_alerts(Mistakes(), [*rules, (VISITS, "c.keep", None)], 0) == {}
    assert check_keep_of_alerts(Mistakes(), [], 0) == {}
