"""Events are paired with the latest of the other side; random ones are in test_pair_judge."""

import numpy as np
import pyarrow as pa
import pytest

from dataflow.alerts.candidates import PARTITION, SIDE, TIME
from dataflow.alerts.pairing import BIT, NONE, Neighbours
from dataflow.pipeline.pair_plan import PairPlan
from tests.dataflow.alerts.pairs import clicks, lonely


def neighbours(rule: PairPlan, *made: tuple[str, int, str, int, int]) -> Neighbours:
    """Events: user, time, sides, number of the source partition, x."""
    users, times, sides, partitions, values = zip(*made, strict=True)
    rows = pa.table(
        {
            "user": pa.array(users),
            "x": pa.array(values),
            TIME: pa.array(times),
            PARTITION: pa.array(partitions),
            "offset": pa.array(range(len(made))),
            SIDE: pa.array([BIT["first"] * ("a" in side) + BIT["then"] * ("b" in side) for side in sides], pa.int8()),
        }
    )
    return Neighbours(rule, rows, np.array([1, 0]))


def firsts(part: Neighbours) -> list[int]:
    thens = np.flatnonzero(part.of("then"))
    return part.firsts_of(thens, np.flatnonzero(part.of("first"))).tolist()


def test_the_latest_first_event_within_reach_is_taken() -> None:
    part = neighbours(clicks(), ("u", 0, "a", 0, 0), ("u", 1, "a", 0, 0), ("u", 10, "b", 0, 0), ("u", 11, "b", 0, 0))
    assert firsts(part) == [1, NONE]


def test_of_equal_times_the_place_decides_by_the_order_of_names() -> None:
    part = neighbours(clicks(), ("u", 1, "a", 0, 0), ("u", 1, "a", 1, 0), ("u", 1, "b", 1, 0))
    assert firsts(part) == [0]


def test_an_event_is_not_its_own_partner() -> None:
    assert firsts(neighbours(clicks(), ("u", 1, "ab", 0, 0))) == [NONE]
    assert firsts(neighbours(clicks(), ("u", 1, "ab", 0, 0), ("u", 1, "ab", 0, 0))) == [1, 0]


def test_other_keys_are_others() -> None:
    assert firsts(neighbours(clicks(), ("u", 1, "a", 0, 0), ("v", 2, "b", 0, 0))) == [NONE]


def test_a_condition_passes_over_those_for_which_it_is_not_true() -> None:
    rule = clicks(having="then.x > first.x")
    events = [("u", at, "a", 0, 5) for at in range(7)]
    part = neighbours(rule, ("u", 0, "a", 0, 1), *events, ("u", 8, "b", 0, 3))
    assert firsts(part) == [0]


@pytest.mark.parametrize(("side", "met"), [("first", [True, False]), ("then", [False, True])])
def test_whether_an_event_is_met_from_either_side(side: str, met: list[bool]) -> None:
    rule = lonely("then" if side == "first" else "first", having="then.x > first.x")
    part = neighbours(rule, ("u", 0, "a", 0, 1), ("u", 5, "b", 0, 0), ("u", 6, "b", 0, 2), ("u", 6, "a", 0, 2))
    asked = np.flatnonzero(part.of(side))
    assert part.is_met(side, asked).tolist() == met
