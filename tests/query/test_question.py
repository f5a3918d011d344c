"""What is asked of DuckDB for a question: the question itself, or its answer as texts."""

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa
import pytest

from query.cells import Column
from query.question import Question, first_asked

NUMBERS = "SELECT range AS n, range * 2 AS m FROM range(5)"


def question(sql: str, limit: int | None = None, parameters: list[object] | None = None) -> Question:
    return Question(sql, parameters, limit, [], [])


def as_texts(columns: Sequence[Column]) -> list[str]:
    return [f'CAST("{column.name}" AS VARCHAR)' for column in columns]


@pytest.mark.parametrize("bracketed", [True, False])
@pytest.mark.parametrize("limit", [None, 2])
def test_rows_of_texts_come_with_the_columns_of_the_question(bracketed: bool, limit: int | None) -> None:
    cursor = duckdb.connect()
    text = question(NUMBERS, limit).text(cursor, as_texts, bracketed=bracketed)
    assert [(column.name, str(column.kind)) for column in text.columns] == [("n", "BIGINT"), ("m", "BIGINT")]
    rows = cursor.execute(text.statement).fetchall()
    assert rows == [(str(n), str(2 * n)) for n in range(limit or 5)]
    assert (text.relation is None) is bracketed


def test_two_columns_of_one_name_are_numbered_where_rows_are_left_out() -> None:
    cursor = duckdb.connect()
    text = question("SELECT 1 AS n, 2 AS n FROM range(3)", limit=1).text(cursor, as_texts, bracketed=True)
    assert len({column.name for column in text.columns}) == 2
    assert cursor.execute(text.statement).fetchall() == [("1", "2")]


def test_a_limit_holds_for_the_whole_question() -> None:
    cursor = duckdb.connect()
    assert question(NUMBERS).relation(cursor).fetchall()[-1] == (4, 8)
    assert question(f"{NUMBERS} ORDER BY n DESC", limit=2).relation(cursor).fetchall() == [(4, 8), (3, 6)]
    assert question("SELECT ? + 1", parameters=[41]).relation(cursor).fetchall() == [(42,)]


def test_the_first_table_is_asked_for_at_once_and_comes_first() -> None:
    asked: list[int] = []

    def tables() -> Iterator[pa.Table]:
        for number in range(3):
            asked.append(number)
            yield pa.table({"n": [number]})

    flow = first_asked(tables())
    assert asked == [0]
    assert [table["n"][0].as_py() for table in flow] == [0, 1, 2]


def test_a_question_that_fails_fails_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        first_asked(pa.table({"n": [1 // number]}) for number in range(3))
