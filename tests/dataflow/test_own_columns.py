"""The names that the lake's own columns take."""

from dataflow.own_columns import COUNTS, IS_FINAL, OF_EVENTS, OF_ROLLUPS, PLACE, WATERMARK, WINDOW


def test_reserved_names_are_those_of_the_columns_that_stand_beside_the_users() -> None:
    assert {column.name for column in PLACE} == OF_EVENTS
    assert {column.name for column in (*WINDOW, *COUNTS)} | {IS_FINAL} == OF_ROLLUPS


def test_reserved_names_are_in_small_letters_as_they_are_compared() -> None:
    assert {name for name in OF_EVENTS | OF_ROLLUPS if name != name.lower()} == set()


def test_the_column_of_judged_rows_alone_takes_no_name_from_anybody() -> None:
    assert WATERMARK.startswith("_")
    assert WATERMARK not in OF_EVENTS | OF_ROLLUPS
