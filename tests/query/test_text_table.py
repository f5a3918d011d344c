"""Tables as text: aligned by what a reader sees, and nothing cut."""

from query.text_table import TextTable, columns_of


def two_columns() -> TextTable:
    table = TextTable(["name", "n"], [False, True])
    table.add_row("a", "1")
    table.add_row("日本", "-2000")
    return table


def test_plain_columns_are_as_wide_as_their_widest_text() -> None:
    assert two_columns().plain() == "name      n\na         1\n日本  -2000\n"


def test_a_rule_stands_below_the_headers() -> None:
    assert two_columns().plain(ruled=True).splitlines()[1] == "----  -----"


def test_no_line_ends_with_spaces() -> None:
    table = TextTable(["a", "b"])
    table.add_row("x", "")
    assert table.plain() == "a  b\nx\n"


def test_a_frame_folds_long_texts_and_loses_no_digit() -> None:
    table = TextTable(["n"], [True])
    table.add_row("1234567890" * 4)
    drawn = table.framed(width=24)
    assert "".join(each for each in drawn.partition("─")[2] if each.isdigit()) == "1234567890" * 4
    assert max(len(line) for line in drawn.splitlines()) < 80


def test_wide_and_combining_characters_count_as_they_are_shown() -> None:
    assert [columns_of(text) for text in ("ab", "日本", "e\u0301", "ü")] == [2, 4, 1, 1]
