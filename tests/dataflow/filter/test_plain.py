"""What is read without the parser is what the parser reads, and nothing that it refuses."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokenizer_core import TokenType

from dataflow.filter.expression import ConditionError
from dataflow.filter.nodes import Comparison, Node
from dataflow.filter.plain import read_plainly
from dataflow.filter.reading import read

ROOT = Path(__file__).parents[3]
SCHEMA = pa.schema(
    [
        ("event_type", pa.string()),
        ("country", pa.string()),
        ("n", pa.int64()),
        ("at", pa.date32()),
    ]
)
VALUES = {"event_type": ("click", "impression")}


def parsed(text: str, schema: pa.Schema = SCHEMA) -> Node | str:
    """What the parser reads, or its mistake."""
    try:
        return read(text, schema, VALUES, lambda _: False)
    except ConditionError as error:
        return str(error)


@pytest.mark.parametrize(
    "text",
    [
        "event_type = 'click'",
        "event_type='click'",
        " country <> 'a -- b' ",
        "country != ''",
        "event_type = 'click' AND country = 'DE'",
        "event_type = 'click' and country = 'DE'\n  AND country <> 'FR'",
    ],
)
def test_comparisons_of_texts_are_read_without_the_parser(text: str) -> None:
    node = read_plainly(text, SCHEMA, VALUES)
    assert node is not None
    assert node == parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "event_type = 'clik'",
        "event_typ = 'click'",
        "n = '1'",
        "at = '2026-01-01'",
        "country = 'it''s'",
        "country = 'a' OR country = 'b'",
        "(country = 'a')",
        "country = 'a' AND",
        "country = 'a'AND country = 'b'AND",
        "COUNTRY = 'a'",
        "'a' = country",
        "country < 'a'",
        "country = 'a' -- so",
        "",
    ],
)
def test_all_else_is_the_parsers(text: str) -> None:
    assert read_plainly(text, SCHEMA, VALUES) is None


NAMES = ("event_type", "country", "n", "at", "not", "and", "AND", "or")
SIGNS = ("=", "<>", "!=", "<", " ", "\n", "(", ")", "--", "/*", "\\", "E", "1")
TEXTS = ("'click'", "'a'", "''", "'x", "'it''s'")
pieces = st.sampled_from([*NAMES, *SIGNS, *TEXTS])


@given(st.lists(pieces, max_size=12).map("".join))
@example("country = 'a'and country = 'b'")
@example("country = 'a' and country = 'b' and(country = 'c')")
@example("country\n=\n'a'")
def test_whatever_is_read_without_the_parser_the_parser_reads_alike(text: str) -> None:
    node = read_plainly(text, SCHEMA, VALUES)
    assert node is None or node == parsed(text)


def words() -> Iterator[str]:
    """All that mean anything to the parser."""
    known = [*DuckDB.Tokenizer.KEYWORDS, *TokenType.__members__]
    for parser in DuckDB.Parser.__mro__:
        for value in vars(parser).values():
            if isinstance(value, dict | set | frozenset | tuple):
                known += [str(getattr(each, "name", each)) for each in value]
    return (each.lower() for each in dict.fromkeys(known) if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", each))


def test_no_word_that_means_something_to_the_parser_is_taken_for_a_column() -> None:
    found = list(words())
    assert len(found) > 1_000
    for word in found:
        schema = pa.schema([(word, pa.string()), ("country", pa.string())])
        for text in (f"{word} = 'x'", f"country = 'x' AND {word} <> 'y'", f"{word} = 'x' AND country = 'y'"):
            node = read_plainly(text, schema, {})
            assert node is None or node == parsed(text, schema), text


def test_the_parser_is_not_imported_for_it() -> None:
    code = (
        "import sys, pyarrow as pa\nfrom dataflow.filter.parse import parse\n"
        "parse(\"a_b = 'x'\", pa.schema([('a_b', pa.string())]))\nprint('sqlglot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_node_is_the_same_whoever_reads_it() -> None:
    node = read_plainly("country != 'a'", SCHEMA, VALUES)
    assert isinstance(node, Comparison)
    assert node.sql() == "\"country\" <> 'a'"
