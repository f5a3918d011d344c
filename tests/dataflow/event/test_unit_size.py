"""The unit of a number, told by its size."""

import pytest

from dataflow.event.fields import TimeUnit
from dataflow.event.unit_size import DECLARED, NOUNS, OUR_DAYS_FROM_S, OUR_DAYS_TO_S, PER_SECOND, unit_by_size


@pytest.mark.parametrize("unit", PER_SECOND)
def test_a_time_of_our_days_tells_its_unit_from_the_first_to_the_last(unit: TimeUnit) -> None:
    per_second = PER_SECOND[unit]
    assert unit_by_size(OUR_DAYS_FROM_S * per_second) is unit
    assert unit_by_size(OUR_DAYS_TO_S * per_second - 1) is unit
    assert unit_by_size(OUR_DAYS_FROM_S * per_second - 1) is not unit
    assert unit_by_size(OUR_DAYS_TO_S * per_second) is not unit


def test_other_numbers_tell_none() -> None:
    assert [unit_by_size(ticks) for ticks in (0, -1, 17, 10**8, 10**30)] == [None] * 5


def test_every_unit_of_ints_has_its_words() -> None:
    assert set(NOUNS) == set(DECLARED) == set(PER_SECOND) == {*TimeUnit} - {TimeUnit.TEXT}
