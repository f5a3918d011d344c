"""The flags that choose a part of the source."""

from datetime import UTC, datetime

import pytest

from cli.selection import selected
from dataflow.errors import ConfigError, QueryError


def test_no_flag_chooses_everything() -> None:
    assert selected(None, None, None, None, None).is_everything


def test_each_flag_narrows_the_selection() -> None:
    found = selected("ads/3", 5, 9, "2026-01-02", "2026-01-03T00:00:00Z")
    assert not found.is_everything
    assert (found.partition, found.start, found.end) == ("ads/3", 5, 9)
    assert (found.since, found.until) == (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))


def test_an_offset_of_0_is_a_choice() -> None:
    assert not selected(None, 0, None, None, None).is_everything


def test_a_time_that_is_none_is_told_with_the_form() -> None:
    with pytest.raises(QueryError, match='"soon" is no time; write a UTC time like'):
        selected(None, None, None, "soon", None)


def test_a_selection_in_which_nothing_can_lie_is_refused() -> None:
    for start, end in ((5, 5), (50, 5)):
        with pytest.raises(ConfigError, match=f"--to = {end}: there is no offset from {start} on"):
            selected(None, start, end, None, None)
    with pytest.raises(ConfigError, match=r"--until = .2026-01-02.: there is no time from 2026-01-03 on"):
        selected(None, None, None, "2026-01-03", "2026-01-02")
