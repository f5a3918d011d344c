"""A file of SQL is taken apart where Flink's own client would take it apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import ConfigError
from flink.cluster.script import check_one_job, statements_of

SET = "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END"


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        (";;  ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SET 'a'='b';\nSELECT 1;", ["SET 'a'='b'", "SELECT 1"]),
        ("SELECT ';' ; SELECT `a;b`, 'it''s; --no'", ["SELECT ';'", "SELECT `a;b`, 'it''s; --no'"]),
        ("-- first; one\nSELECT 1 -- last; one\n;", ["SELECT 1"]),
        ("SELECT /* a; b */ 1; SELECT /*+ TTL('w'='2d') */ 2", ["SELECT   1", "SELECT /*+ TTL('w'='2d') */ 2"]),
        (f"{SET};", [SET]),
        (f"CREATE TABLE t (x INT);\n{SET.lower()}\n;\nSELECT 1", ["CREATE TABLE t (x INT)", SET.lower(), "SELECT 1"]),
    ],
)  # fmt: skip
def test_a_script_is_taken_apart_between_its_statements(script: str, statements: list[str]) -> None:
    assert statements_of(script) == statements


TEXTS = st.text("ab ;'`-/*\n", max_size=12)


@given(st.lists(TEXTS, max_size=5))
def test_texts_never_part_a_statement(texts: list[str]) -> None:
    statements = [f"SELECT '{text.replace(chr(39), chr(39) * 2)}'" for text in texts]
    assert statements_of(";\n".join(statements)) == statements


@pytest.mark.parametrize(
    ("script", "jobs"), [(SET, 1), ("INSERT INTO a SELECT 1", 1), ("SELECT 1", 0), ("insert into a; insert into b", 2)]
)
def test_one_job_is_what_a_script_may_submit(script: str, jobs: int) -> None:
    if jobs == 1:
        check_one_job(statements_of(script), "--sql", "job.sql")
        return
    with pytest.raises(ConfigError, match=f"submits {jobs} jobs and must submit one"):
        check_one_job(statements_of(script), "--sql", "job.sql")
