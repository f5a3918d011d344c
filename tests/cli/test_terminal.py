"""What commands print: lines, tables, JSON documents."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.terminal import in_lines, show, show_json
from query.text_table import TextTable


def test_off_a_terminal_tables_are_plain_and_lines_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    table = TextTable(["a", "b"])
    table.add_row("[red]1", "")
    show("a [b] line", "", table)
    assert capsys.readouterr().out == "a [b] line\n\na       b\n[red]1\n"


def test_a_document_is_indented_and_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"name": "ü", "n": 2**63 - 1, "more": [1.5, None, True, {}], "one": np.float64(0.5)}
    show_json(document)
    out = capsys.readouterr().out
    assert out == json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def test_a_document_holds_no_number_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"relative": float("inf"), "other": float("nan")})
    assert json.loads(capsys.readouterr().out) == {"relative": None, "other": None}


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="TextTable has no form"):
        show_json([TextTable(["a"])])


def test_a_sentence_on_a_narrow_terminal_is_broken_between_its_phrases() -> None:
    text = "seen: 2026-01-01 00:00 to 01:00 UTC, as of snapshot 7"
    assert in_lines(text, 80) == [text]
    assert in_lines(text, 36) == ["seen: 2026-01-01 00:00 to 01:00 UTC,", "as of snapshot 7"]
    assert in_lines("a rather long phrase without a comma, b", 20) == ["a rather long phrase", "without a comma, b"]
    assert in_lines("see /a/very/long/path/of/a/file", 10) == ["see", "/a/very/long/path/of/a/file"]


@given(st.text(alphabet="ab ,;:-", max_size=60), st.integers(1, 30))
def test_of_a_sentence_in_lines_no_word_is_lost_or_cut(text: str, columns: int) -> None:
    lines = in_lines(text, columns)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= columns or " " not in line.strip() for line in lines)
