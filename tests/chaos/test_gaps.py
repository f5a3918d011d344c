"""What is told as lost and was not, or twice, would be noticed."""

from tests.chaos.checkers import DUPLICATE, GAP, LOST, Anomaly
from tests.chaos.gaps import check_gaps


def names(anomalies: list[Anomaly]) -> list[str]:
    return [each.name for each in anomalies]


def test_gaps_up_to_where_the_broker_began_are_right() -> None:
    assert check_gaps({"t/0": [(3, 5), (5, 9)], "t/1": [(2, 4)]}, {"t/0": 9, "t/1": 7}) == []


def test_a_gap_over_what_was_there_is_a_lost_event() -> None:
    assert names(check_gaps({"t/0": [(3, 10)]}, {"t/0": 9})) == [LOST]
    assert names(check_gaps({"t/1": [(3, 4)]}, {})) == [LOST]


def test_a_gap_that_is_told_twice_or_not_at_all_is_noticed() -> None:
    assert names(check_gaps({"t/0": [(3, 9), (3, 9)]}, {"t/0": 9})) == [DUPLICATE]
    assert names(check_gaps({}, {"t/0": 9})) == [GAP]
