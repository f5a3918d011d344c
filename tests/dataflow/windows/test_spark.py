import pytest

from dataflow.windows import Window, cumulate, hop, session, tumble
from dataflow.windows.assigned import Assigned
from dataflow.windows.kinds import KINDS, kind_of


def test_every_kind_of_window_says_how_spark_has_it():
    assert {name for name, kind in KINDS.items() if "spark" in kind.sql} == KINDS.keys()


def assigned(window: Window, engine: str) -> Assigned:
    by_arithmetic = kind_of(window).sql[engine].assigned
    assert by_arithmetic is not None
    return by_arithmetic(window, "`t`")


@pytest.mark.parametrize("window", [tumble("7s", "3s"), hop("7s", "3s"), cumulate("9s", "3s", "1s")])
def test_the_arithmetic_is_the_one_that_is_tested_with_flink(window):
    flink, spark = (assigned(window, engine) for engine in ("flink", "spark"))
    assert spark._replace(joined="") == flink._replace(joined="")


def test_a_row_is_joined_with_its_windows_by_a_lateral_view():
    found = assigned(hop("6s", "3s"), "spark")
    assert found.joined == " LATERAL VIEW EXPLODE(ARRAY(`t`, `t` - 3000)) `_windows` AS `_in_window`"


def test_sessions_are_not_given_by_arithmetic():
    assert kind_of(session("5m")).sql["spark"].assigned is None


def test_windows_by_a_zones_clock_are_told_to_be_beyond_it():
    window = tumble("1d", zone="Europe/Amsterdam")
    assert "zone" in (kind_of(window).sql["spark"].unfit(window) or "")
    assert kind_of(window).sql["spark"].unfit(tumble("1d")) is None
