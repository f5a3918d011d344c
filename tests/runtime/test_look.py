"""A run at one moment, in words and numbers."""

import pytest

from runtime.look import Look

BUSY = Look(12.34, 20013.4, 240160, 3, 365, 12, delay_ms=5231, lag=57, committed_ms=120)


def test_people_get_whole_words_where_there_is_room() -> None:
    assert BUSY.line(200) == (
        "  12 s    20,013 events/s  read 240,160  watermark delay 5.2 s  lag 57  late 3  dead 12  duplicate 365"
        "  last commit 120 ms ago"
    )


def test_a_narrow_terminal_gets_short_words_and_all_counts() -> None:
    line = BUSY.line(79)
    assert line == "  12 s 20,013/s  read 240,160  lag 57  delay 5.2 s  late 3  dead 12  dup 365  c"
    assert len(line) == 79


def test_the_time_that_a_bounded_run_still_takes_stands_beside_what_waits() -> None:
    assert "  lag 57  left 2:05  " in Look(1.0, 1.0, 1, 0, 0, 0, lag=57, left_s=125).line(200)


def test_what_is_not_known_is_said_or_left_out() -> None:
    young = Look(0.5, 0.0, 0, 0, 0, 0)
    assert "lag" not in young.line(200)
    assert "watermark delay none" in young.line(200)
    assert "last commit none" in young.line(200)
    assert young.fields() == {"seconds": 0.5, "rate": 0, "read": 0, "late": 0, "duplicate": 0, "dead": 0}


def test_programs_get_plain_numbers() -> None:
    assert BUSY.fields() == {
        "seconds": 12.3,
        "rate": 20013,
        "read": 240160,
        "late": 3,
        "duplicate": 365,
        "dead": 12,
        "delay_ms": 5231,
        "lag": 57,
        "committed_ms": 120,
    }


@pytest.mark.parametrize("columns", [1, 20, 79, 80, 120, 121])
def test_no_line_is_wider_than_its_room(columns: int) -> None:
    assert len(BUSY.line(columns)) <= columns
