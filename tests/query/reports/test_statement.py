"""A report's SQL before it is asked."""

import pytest

from dataflow.errors import QueryError
from query.reports.statement import line_of_mistake, line_of_placeholder, one_line, placeholders

SQL = """-- $comment
SELECT '$text', "a$b", $$dollar $quoted$$, /* $block */ $one
FROM t
WHERE a = $two AND b = $one_more AND one = $one
"""


def test_placeholders_are_those_that_the_engine_binds() -> None:
    assert placeholders(SQL) == {"one", "two", "one_more"}
    assert placeholders("SELECT 1") == frozenset()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT $1", "declare it in the header and write $name"),
        ("SELECT ?, $a", "declare it in the header and write $name"),
        ("SELECT 1; SELECT 2", "holds 2 statements"),
        ("-- nothing", "is empty"),
        ("SET threads = 1", "a lake is only read here"),
        ("WITH x AS (DELETE FROM t RETURNING *) FROM x", "holds a DELETE inside"),
    ],
)
def test_what_is_not_one_reading_statement_with_named_placeholders_is_refused(sql: str, said: str) -> None:
    with pytest.raises(QueryError) as raised:
        placeholders(sql)
    assert said.lower() in str(raised.value).lower()


def test_the_line_of_a_mistake_is_the_engines_or_that_of_the_name_it_quotes() -> None:
    assert line_of_mistake("Parser Error: syntax error\n\nLINE 4: x\n   ^", SQL) == 4
    assert line_of_mistake('Binder Error: column "two" not found', SQL) == 4
    assert line_of_mistake("Catalog Error: Table with name t does not exist!", SQL) == 3
    assert line_of_mistake("something else", SQL) == 2
    assert line_of_mistake("empty", "-- nothing") == 1
    assert (line_of_placeholder("one", SQL), line_of_placeholder("one_more", SQL)) == (2, 4)
    assert one_line("Parser Error: a\nb\nLINE 4: x\n  ^") == "Parser Error: a b"
