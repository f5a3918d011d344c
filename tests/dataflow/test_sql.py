"""Names and texts inside SQL: any of them comes back as it was, from both engines."""

import re
import sqlite3
from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.sql import quoted, text

ROOT = Path(__file__).resolve().parents[2]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)
AWKWARD = st.sampled_from(['"', "'", '""', "''", "a\"b'c", "--", ";", "select", "ä €", "\\", "%s", "?"])


@settings(deadline=None, max_examples=60)
@given(name=AWKWARD | TEXTS, value=AWKWARD | TEXTS)
def test_a_name_and_a_text_come_back_from_both_engines_as_they_were(name: str, value: str) -> None:
    sql = f"SELECT {text(value)} AS {quoted(name)}"
    with duckdb.connect() as connection:
        found = connection.sql(sql)
        assert (found.columns, found.fetchall()) == ([name], [(value,)])
    lite = sqlite3.connect(":memory:")
    cursor = lite.execute(sql)
    assert ([column[0] for column in cursor.description], cursor.fetchall()) == ([name], [(value,)])
    lite.close()


def test_nothing_else_in_the_product_quotes_by_itself() -> None:
    doubles = re.compile(r"""replace\(\s*(['"])(["'])\1,""")
    quoting = {
        path.relative_to(ROOT).as_posix()
        for folder in (
            "dataflow",
            "sinks",
            "query",
            "runtime",
            "proof",
            "doctor",
            "starter",
            "emit",
            "serve",
            "flink",
            "spark",
            "cli",
        )
        for path in (ROOT / folder).rglob("*.py")
        if doubles.search(path.read_text(encoding="utf-8"))
    }
    assert quoting == {"dataflow/sql.py", "proof/dump.py", "serve/forms.py"}  # two write CSV
