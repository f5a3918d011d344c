"""Where a reader goes on, or ends, when what it is to read next is gone; against Kafka in test_source and tests/e2e."""

import pytest

from dataflow.errors import OffsetLost
from dataflow.sources.kafka.gap import SETTLED_EPOCHS, Gap


def test_what_is_there_is_no_gap() -> None:
    for accept in (False, True):
        gap = Gap("ads/0", accept=accept)
        assert [gap.at_start(position, 10, 20) for position in (10, 15, 20)] == [10, 15, 20]
        assert gap.lost(10, 20) == 0
        assert not gap.closed()


def test_a_gap_is_refused_unless_it_is_accepted() -> None:
    with pytest.raises(OffsetLost, match="only offsets 10 to 20: 5 offsets were deleted"):
        Gap("ads/0", accept=False).at_start(5, 10, 20)
    gap = Gap("ads/0", accept=True)
    assert (gap.at_start(5, 10, 20), gap.behind(5)) == (10, 10)
    assert [gap.lost(5, 13), gap.lost(5, 8), gap.lost(13, 20)] == [5, 3, 0]


def test_offsets_that_go_back_are_never_a_gap() -> None:
    with pytest.raises(OffsetLost, match="offsets that go back are no gap"):
        Gap("ads/0", accept=True).at_start(21, 10, 20)


def test_a_run_that_is_overtaken_ends_once_what_it_read_is_in_the_lake() -> None:
    gap = Gap("ads/0", accept=False)
    assert gap.overtaken(5, 10, 20) is None
    for _ in range(SETTLED_EPOCHS):
        assert gap.closed()
        gap.epoch_ends()
    with pytest.raises(OffsetLost, match="offset 5 is to be read next"):
        gap.closed()


def test_a_run_that_is_overtaken_goes_on_behind_the_gap_where_that_is_accepted() -> None:
    gap = Gap("ads/0", accept=True)
    assert gap.overtaken(5, 10, 20) == 10
    assert not gap.closed()
    assert gap.lost(5, 12) == 5
    assert gap.overtaken(12, 15, 20) == 15
    assert gap.lost(12, 20) == 3
