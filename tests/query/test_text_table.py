"""Tables as text: aligned by what a reader sees, and fitted to a terminal without a broken number."""

import re

from hypothesis import given
from hypothesis import strategies as st

from query.text_table import TextTable, columns_of, fitted


def two_columns() -> TextTable:
    table = TextTable(["name", "n"], [False, True])
    table.add_row("a", "1")
    table.add_row("日本", "-2000")
    return table


def shown(table: TextTable, width: int, *, cut: bool = False) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", table.framed(width, cut=cut)).splitlines()


def test_plain_columns_are_as_wide_as_their_widest_text() -> None:
    assert two_columns().plain() == "name      n\na         1\n日本  -2000\n"


def test_a_rule_stands_below_the_headers() -> None:
    assert two_columns().plain(ruled=True).splitlines()[1] == "----  -----"


def test_no_line_ends_with_spaces() -> None:
    table = TextTable(["a", "b"])
    table.add_row("x", "")
    assert table.plain() == "a  b\nx\n"


def test_what_would_move_the_cursor_is_shown_as_an_escape() -> None:
    table = TextTable(["a\nb"])
    table.add_row("\x1b[31mred\r\n\tü\u202e")
    assert table.plain() == "a\\nb\n\\x1b[31mred\\r\\n\\tü\\u202e\n"
    assert len(shown(table, 60)) == 3


def test_a_long_text_goes_on_in_the_next_line_or_is_cut() -> None:
    table = TextTable(["what", "n"], [False, True])
    table.add_row("one two three four five six", "1234567890")
    folded = shown(table, 30)
    assert max(map(len, folded)) <= 30
    assert [line.split() for line in folded[2:]] == [
        ["one", "two", "three", "1234567890"],
        ["four", "five", "six"],
    ]
    cut = shown(table, 30, cut=True)
    assert len(cut) == 3
    assert cut[2].split() == ["one", "two", "three", "fo…", "1234567890"]


def test_numbers_times_and_headers_are_never_broken_so_columns_go_first() -> None:
    names = [f"a_long_header_{n}" for n in range(9)]
    table = TextTable(names, [True] * 9)
    table.add_row(*["1234567890123456"] * 9)
    lines = shown(table, 80, cut=True)
    assert lines[0].split() == [*names[:3], "…", "6", "more"]
    assert lines[2].split() == ["1234567890123456"] * 3 + ["…"]
    assert " ".join(map(str.strip, lines[3:])) == f"not shown: {', '.join(names[3:])} (--format rows)"
    whole = TextTable(["at", "why"], whole=[True, False])
    whole.add_row("2026-01-02 03:04:05Z", "x" * 90)
    assert shown(whole, 40, cut=True)[2].startswith("2026-01-02 03:04:05Z   xxx")


def test_one_column_is_there_however_narrow_the_terminal() -> None:
    table = TextTable(["n", "m"], [True, True])
    table.add_row("1" * 30, "2" * 30)
    assert shown(table, 20, cut=True)[2].split() == ["1" * 30, "…"]


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=12), st.integers(10, 200))
def test_a_fitted_table_fits_and_no_column_is_below_its_least(sizes: list[tuple[int, int]], room: int) -> None:
    widths, least = [max(pair) for pair in sizes], [min(pair) for pair in sizes]
    found, left_out = fitted(widths, least, room, gap=3)
    count = len(found)
    assert count + left_out == len(sizes)
    assert count >= 1
    assert all(low <= width <= high for low, width, high in zip(least, found, widths, strict=False))
    notice = 3 + len(f"… {left_out} more") if left_out else 0
    total = sum(found) + 3 * (count - 1) + notice
    assert total <= room or count == 1
    if total < room:
        # nothing is cut for the sake of room that is there
        assert found == widths[:count]


def test_wide_and_combining_characters_count_as_they_are_shown() -> None:
    assert [columns_of(text) for text in ("ab", "日本", "e\u0301", "ü")] == [2, 4, 1, 1]


def test_on_its_side_a_table_shows_every_column_of_each_row() -> None:
    table = TextTable(["name", "what it is", "kept"])
    table.add_row("a", "a text that is longer than the room for it", "90d")
    table.add_row("b", "", "for ever")
    assert not table.fits(24)
    assert table.fits(80)
    assert table.on_its_side(34).splitlines() == [
        "name        a",
        "what it is  a text that is longer",
        "            than the room for it",
        "kept        90d",
        "",
        "name        b",
        "what it is",
        "kept        for ever",
    ]
