"""What nobody may ask: each question ends in a clear error, harms nothing, and a neighbour never notices."""

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from dataflow.errors import QueryError, SqlRefused, SqlTooLong, SqlTooMuch
from tests.query.lakes import T0, LakeMaker, clicks, ledger
from tests.serve.sql.asking import SMALL, Asking

SECRET = "the-secret-of-this-test"
VARIABLE = "TIDEMILL_TEST_SECRET"
secret_table = pa.table({"secret": [SECRET]})
"""A variable of Python that the engine would find under its name, if it looked."""

NEIGHBOUR = (
    "SELECT sum(clicks)::BIGINT, (SELECT count(*) FROM range(2000000) t(i) WHERE hash(i) % 7 = 3) FROM ad_clicks_1m"
)


class Yard(NamedTuple):
    """A lake with things around it that nobody may touch."""

    asking: Asking
    names: Mapping[str, object]
    expected: pa.Table
    folder: Path
    server: socket.socket

    def state(self) -> dict[str, bytes]:
        """Every file there is."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        # the server reads the catalog, whose index of its journal changes by that
        return {str(path): path.read_bytes() for path in files if path.suffix != ".sqlite-shm"}


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("yard")
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.csv").write_text(f"a,b\n1,{SECRET}\n")
    (folder / "secret.json").write_text(f'{{"a": "{SECRET}"}}')
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    os.environ[VARIABLE] = SECRET
    try:
        with LakeMaker(folder / "lake") as maker:
            maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)], "ledger": [ledger("p", 0, 2, T0)]})
            (folder / "lake" / "secret.txt").write_text(SECRET)
            with Asking(maker.folder) as asking:
                names = {
                    "secret": folder / "secret",
                    "out": folder / "out",
                    "lake": maker.folder,
                    "catalog": maker.folder / "catalog.sqlite",
                    "data": next((maker.folder / "main").rglob("*.parquet")),
                    "port": server.getsockname()[1],
                    "variable": VARIABLE,
                }
                yield Yard(asking, names, asking.ask(NEIGHBOUR).table, folder, server)
    finally:
        del os.environ[VARIABLE]
        server.close()


READS_FILES = {
    "a text file by its function": "SELECT * FROM read_text('{secret}.txt')",
    "a text file as bytes": "SELECT * FROM read_blob('{secret}.txt')",
    "a CSV file by its function": "SELECT * FROM read_csv('{secret}.csv')",
    "a CSV file by the function's other name": "SELECT * FROM read_csv_auto('{secret}.csv')",
    "a JSON file by its function": "SELECT * FROM read_json('{secret}.json')",
    "a JSON file by the function's other name": "SELECT * FROM read_json_auto('{secret}.json')",
    "a JSON file as objects": "SELECT * FROM read_json_objects('{secret}.json')",
    "a file of JSON lines": "SELECT * FROM read_ndjson('{secret}.json')",
    "a Parquet file by its function": "SELECT * FROM read_parquet('{secret}.parquet')",
    "a Parquet file by the function's other name": "SELECT * FROM parquet_scan('{secret}.parquet')",
    "a database file by its function": "SELECT * FROM read_duckdb('{secret}.db')",
    "a CSV file named as a table": "SELECT * FROM '{secret}.csv'",
    "a JSON file named as a table": "SELECT * FROM '{secret}.json'",
    "a Parquet file named as a table": "SELECT * FROM '{secret}.parquet'",
    "a file named as a table in double quotes": 'SELECT * FROM "{secret}.csv"',
    "a file named as a table without SELECT": "FROM '{secret}.csv'",
    "a file as the table of TABLE": 'TABLE "{secret}.csv"',
    "a file with a schema before it": "SELECT * FROM main.'{secret}.csv'",
    "a file by a relative path": "SELECT * FROM '../secret.csv'",
    "a file by a path that goes up from the data": "SELECT * FROM '{lake}/main/../secret.txt'",
    "a file by an address": "SELECT * FROM 'file://{secret}.csv'",
    "a file with stars in its name": "SELECT * FROM '{lake}/*.txt'",
    "a list of files": "SELECT * FROM read_text(['{secret}.txt', '{secret}.csv'])",
    "a file of the system": "SELECT * FROM read_text('/etc/hostname')",
    "users of the system": "SELECT * FROM read_csv('/etc/passwd', delim=':')",
    "the environment as a file": "SELECT * FROM read_text('/proc/self/environ')",
    "the command line as a file": "SELECT * FROM read_blob('/proc/self/cmdline')",
    "memory as a file": "SELECT * FROM read_blob('/proc/self/maps')",
    "standard input": "SELECT * FROM read_csv('/dev/stdin')",
    "an open descriptor": "SELECT * FROM read_text('/proc/self/fd/0')",
    "the lake's catalog as bytes": "SELECT * FROM read_blob('{catalog}')",
    "the lake's catalog as a table": "SELECT * FROM '{catalog}'",
    "a file beside the lake's data": "SELECT * FROM read_text('{lake}/secret.txt')",
    "a data file of the lake past its tables": "SELECT * FROM read_parquet('{data}')",
    "a data file named as a table": "SELECT * FROM '{data}'",
    "a data file as bytes": "SELECT * FROM read_blob('{data}')",
    "all data files": "SELECT * FROM read_parquet('{lake}/main/*/*.parquet')",
    "which files there are": "SELECT * FROM glob('{lake}/*')",
    "which files the system has": "SELECT * FROM glob('/etc/*')",
    "which files there are, from a text that is made": "SELECT * FROM glob(concat('/e', 'tc/*'))",
    "what a CSV file may hold": "SELECT * FROM sniff_csv('{secret}.csv')",
    "what a Parquet file says of itself": "SELECT * FROM parquet_metadata('{data}')",
    "the schema of a Parquet file": "SELECT * FROM parquet_schema('{data}')",
    "the keys of a Parquet file": "SELECT * FROM parquet_kv_metadata('{data}')",
    "a file that a description would open": "DESCRIBE '{secret}.csv'",
    "a file that a summary would open": "SUMMARIZE '{secret}.csv'",
    "a file that a plan would open": "EXPLAIN SELECT * FROM read_csv('{secret}.csv')",
    "a file in a subquery": "SELECT (SELECT content FROM read_text('{secret}.txt'))",
    "a file in a condition": "SELECT 1 WHERE EXISTS (FROM read_text('{secret}.txt'))",
    "a file in a common table": "WITH x AS (FROM read_text('{secret}.txt')) SELECT * FROM x",
    "a file in a common table that is named like a table": "WITH ledger AS (FROM '{secret}.csv') SELECT * FROM ledger",
    "a file in a recursive table": "WITH RECURSIVE x AS (SELECT 1 AS a UNION ALL SELECT a FROM '{secret}.csv') FROM x",
    "a file in a union": "SELECT partition FROM ledger UNION ALL SELECT content FROM read_text('{secret}.txt')",
    "a file in a join": "SELECT * FROM ledger JOIN read_text('{secret}.txt') ON true",
    "a file in a lateral join": "SELECT * FROM ledger, LATERAL (FROM read_text('{secret}.txt'))",
    "a file in a pivot": "SELECT * FROM '{secret}.csv' PIVOT (count(*) FOR a IN (1))",
    "a file in an unpivot": "SELECT * FROM '{secret}.csv' UNPIVOT (v FOR n IN (a))",
    "a file in a sample": "SELECT * FROM '{secret}.csv' USING SAMPLE 1",
    "a file in an order": "SELECT 1 ORDER BY (SELECT count(*) FROM '{secret}.csv')",
    "a file in a limit": "SELECT 1 LIMIT (SELECT count(*) FROM '{secret}.csv')",
    "a file in a window": "SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM '{secret}.csv'))",
    "a file in an argument": "SELECT * FROM range((SELECT count(*) FROM '{secret}.csv'))",
    "a file in a lambda": "SELECT list_transform([1], lambda x: (SELECT count(*) FROM '{secret}.csv'))",
    "a file by a text that is run as a question": "SELECT * FROM query('FROM ''{secret}.csv''')",
    "a file by a name that is a text": "SELECT * FROM query_table('{secret}.csv')",
    "a file by names that are texts": "SELECT * FROM query_table(['{secret}.csv'])",
    "a file by a macro of the engine": "SELECT * FROM histogram('{secret}.csv', a)",
    "a file by a question that was taken apart": (
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM ''{secret}.csv'''))"
    ),
}

REACHES_OUT = {
    "a file of another machine": "SELECT * FROM 'http://127.0.0.1:{port}/x.csv'",
    "a file of another machine, encrypted": "SELECT * FROM 'https://127.0.0.1:{port}/x.csv'",
    "a file of another machine by its function": "SELECT * FROM read_csv('http://127.0.0.1:{port}/x.csv')",
    "a Parquet file of another machine": "SELECT * FROM read_parquet('http://127.0.0.1:{port}/x.parquet')",
    "a bucket": "SELECT * FROM 's3://bucket/x.parquet'",
    "a bucket by its function": "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "a share": "SELECT * FROM 'hf://datasets/x/y.csv'",
    "a database of another machine": "ATTACH 'host=127.0.0.1 port={port}' AS p (TYPE postgres)",
    "a database of another machine by its function": "SELECT * FROM postgres_scan('host=127.0.0.1', 'a', 'b')",
    "an extension from the net": "INSTALL httpfs",
    "an extension from a place": "INSTALL x FROM 'http://127.0.0.1:{port}'",
    "an extension that is there": "LOAD json",
    "an extension that is a file": "LOAD '{secret}.txt'",
    "newer extensions": "UPDATE EXTENSIONS",
}

WRITES = {
    "a table as CSV": "COPY ledger TO '{out}.csv'",
    "a table as Parquet": "COPY ledger TO '{out}.parquet' (FORMAT parquet)",
    "a question as JSON": "COPY (SELECT 1) TO '{out}.json'",
    "a file into the lake's data": "COPY (SELECT 1) TO '{lake}/main/x.parquet'",
    "over a data file": "COPY (SELECT 1) TO '{data}' (FORMAT parquet)",
    "over the catalog": "COPY (SELECT 1) TO '{catalog}'",
    "a file in a common table": "WITH x AS (COPY ledger TO '{out}.csv') SELECT * FROM x",
    "a file in a plan": "EXPLAIN ANALYZE COPY ledger TO '{out}.csv'",
    "a whole database": "EXPORT DATABASE '{out}'",
    "a database file": "ATTACH '{out}.db'",
    "the catalog as a database": "ATTACH '{catalog}' AS c (TYPE sqlite)",
    "the lake as the official client does": "ATTACH 'ducklake:sqlite:{catalog}' AS c",
    "a database out of a folder": "IMPORT DATABASE '{lake}'",
    "a copy of the database": "COPY FROM DATABASE memory TO other",
    "a table out of a file": "COPY ledger FROM '{secret}.csv'",
    "a table": "CREATE TABLE x AS SELECT 1",
    "a table for a while": "CREATE TEMP TABLE x AS SELECT 1",
    "a table in another place": "CREATE TABLE memory.main.x AS SELECT 1",
    "a view": "CREATE VIEW x AS SELECT 1",
    "another view in place of ours": "CREATE OR REPLACE VIEW ad_clicks_1m AS SELECT 1 AS clicks",
    "another view before ours": "CREATE TEMP VIEW ad_clicks_1m AS SELECT 1 AS clicks",
    "a macro before a function": "CREATE TEMP MACRO sum(x) AS 1",
    "a schema": "CREATE SCHEMA x",
    "a sequence": "CREATE SEQUENCE x",
    "a type": "CREATE TYPE x AS ENUM ('a')",
    "an index": "CREATE INDEX x ON ledger (partition)",
    "a secret": "CREATE SECRET x (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "rows": "INSERT INTO ledger VALUES (1)",
    "rows that come back": "INSERT INTO ledger VALUES (1) RETURNING *",
    "other values": "UPDATE ledger SET read = 1",
    "fewer rows": "DELETE FROM ledger",
    "no rows": "TRUNCATE ledger",
    "rows in a common table": "WITH x AS (DELETE FROM ledger RETURNING *) SELECT * FROM x",
    "rows by merging": "MERGE INTO ledger USING (SELECT 1 AS a) ON false WHEN NOT MATCHED THEN INSERT VALUES (1)",
    "no table": "DROP TABLE ledger",
    "no view": "DROP VIEW ad_clicks_1m",
    "no schema": "DROP SCHEMA main CASCADE",
    "another name": "ALTER VIEW ad_clicks_1m RENAME TO x",
    "a comment": "COMMENT ON VIEW ad_clicks_1m IS 'x'",
    "the log": "SELECT write_log('x')",
    "a log": "CALL enable_logging()",
    "a number of a sequence": "SELECT nextval('x')",
}

CHANGES_SETTINGS = {
    "access to files": "SET enable_external_access = true",
    "access to files, by another word": "PRAGMA enable_external_access = true",
    "which folders may be read": "SET allowed_directories = ['/']",
    "which files may be read": "SET allowed_paths = ['{secret}.txt']",
    "the lock": "SET lock_configuration = false",
    "memory": "SET memory_limit = '100GB'",
    "memory, as it was": "RESET memory_limit",
    "memory, for everybody": "SET GLOBAL memory_limit = '100GB'",
    "threads": "SET threads = 100",
    "where temporary files go": "SET temp_directory = '{out}'",
    "the variables of Python": "SET python_enable_replacements = true",
    "where files are looked for": "SET file_search_path = '{lake}'",
    "extensions": "SET autoinstall_known_extensions = true",
    "extensions of others": "SET allow_community_extensions = true",
    "where logs go": "SET log_query_path = '{out}'",
    "the database": "USE memory",
    "a profile in a file": "PRAGMA enable_profiling = 'json'",
    "a checkpoint": "CHECKPOINT",
    "a transaction": "BEGIN",
    "the end of a transaction": "ROLLBACK",
    "a variable": "SET VARIABLE x = 1",
    "a prepared statement": "PREPARE x AS SELECT 1",
    "a prepared statement that runs": "EXECUTE x",
    "a cleaning": "VACUUM",
    "statistics": "ANALYZE",
    "the current database": "DETACH memory",
    "a procedure": "CALL pragma_version()",
}

LOOKS_AROUND = {
    "a setting": "SELECT current_setting('allowed_directories')",
    "a setting with its schema": "SELECT main.current_setting('threads')",
    "a setting in a condition": "SELECT 1 WHERE current_setting('threads') = '1'",
    "all settings": "SELECT * FROM duckdb_settings()",
    "all settings as another database has them": "SELECT * FROM pg_settings",
    "all settings with their schema": "SELECT * FROM pg_catalog.pg_settings",
    "all settings by SHOW": "SHOW SETTINGS",
    "secrets": "SELECT * FROM duckdb_secrets()",
    "which secret is used": "SELECT * FROM which_secret('s3://a/b', 's3')",
    "the environment": "SELECT getenv('{variable}')",
    "the environment, as another database has it": "SELECT getenv('PATH')",
    "a variable": "SELECT getvariable('x')",
    "all variables": "SELECT * FROM duckdb_variables()",
    "a variable of Python": "SELECT * FROM secret_table",
    "another variable of Python": "SELECT * FROM snapshot",
    "temporary files": "SELECT * FROM duckdb_temporary_files()",
    "memory": "SELECT * FROM duckdb_memory()",
    "logs": "SELECT * FROM duckdb_logs()",
    "logs by their view": "SELECT * FROM duckdb_logs",
    "extensions": "SELECT * FROM duckdb_extensions()",
    "files that are kept in memory": "SELECT * FROM duckdb_external_file_cache()",
    "prepared statements": "SELECT * FROM duckdb_prepared_statements()",
    "where databases lie": "SELECT * FROM pragma_database_list",
    "where storage lies": "SELECT * FROM pragma_storage_info('ledger')",
    "how large the database is": "SELECT * FROM pragma_database_size()",
    "another database": "SELECT * FROM memory.main.ledger",
    "the system's own tables": "SELECT * FROM system.main.duckdb_settings",
    "a table of another schema": "SELECT * FROM other.ledger",
    "another snapshot": "SELECT * FROM ledger AT (VERSION => 1)",
    "another time": "SELECT * FROM ledger AT (TIMESTAMP => '2026-01-01')",
    "a plan of the engine": "SELECT json_serialize_plan('SELECT 1')",
    "an inside of the engine": "SELECT __internal_compress_string_utinyint('a')",
    "a test of the engine": "SELECT * FROM test_all_types()",
    "a part of the engine": "SELECT vector_type(1)",
    "a pause": "SELECT sleep_ms(10)",
    "a pause, as another database has it": "SELECT pg_sleep(0.01)",
}

IS_NO_QUESTION = {
    "nothing": "",
    "blanks": " \n\t ",
    "a comment": "-- nothing",
    "a semicolon": ";",
    "two statements": "SELECT 1; SELECT 2",
    "two statements, the second after a comment": "SELECT 1; -- x\nSELECT 2",
    "a second statement that writes": "SELECT 1; COPY (SELECT 1) TO '{out}.csv'",
    "a second statement that sets": "SELECT 1; SET threads = 4",
    "a word that is none": "SELEC 1",
    "half a statement": "SELECT",
    "a text without an end": "SELECT 'x",
    "a name without an end": 'SELECT "x',
    "a comment without an end": "SELECT 1 /* x",
    "a bracket without an end": "SELECT (1",
    "a bracket too many": "SELECT 1)",
    "a text without an end, of dollars": "SELECT $$x",
    "signs that mean nothing": "SELECT \x01\x02",
    "a mark of byte order in its middle": "SELECT \ufeff 1 \ufeff FROM",
    "words of another language": "ВЫБРАТЬ 1",
    "a document": '{{"query": "SELECT 1"}}',
    "a deep expression": "SELECT " + "(" * 1_050 + "1" + ")" * 1_050,
    "a long expression": "SELECT " + "1+" * 5_000 + "1",
    "a parameter that is not given": "SELECT ?",
    "a parameter by a name that is not given": "SELECT $x",
    "parameters of both kinds": "SELECT ?, $x",
    "a column that is not there": "SELECT nope FROM ledger",
    "a table that is not there": "SELECT * FROM nope",
    "a function that is not there": "SELECT nope(1)",
    "a number that is none": "SELECT 'x'::INTEGER",
    "an error of its own": "SELECT error('x')",
    "two rows where one is": "SELECT (SELECT * FROM range(2))",
}

REFUSED = {
    **{f"reads {what}": sql for what, sql in READS_FILES.items()},
    **{f"reaches {what}": sql for what, sql in REACHES_OUT.items()},
    **{f"writes {what}": sql for what, sql in WRITES.items()},
    **{f"changes {what}": sql for what, sql in CHANGES_SETTINGS.items()},
    **{f"looks for {what}": sql for what, sql in LOOKS_AROUND.items()},
    **{f"is {what}": sql for what, sql in IS_NO_QUESTION.items()},
}


def test_there_are_enough_of_them() -> None:
    assert len(REFUSED) >= 200


@pytest.mark.parametrize("what", REFUSED)
def test_nobody_may_ask_what(what: str, yard: Yard) -> None:
    # one that was lost before may have its successor meanwhile
    pids, before = set(yard.asking.pool.pids()), yard.state()
    neighbour = yard.asking.begin(NEIGHBOUR, who="neighbour")
    with pytest.raises(QueryError) as told:
        yard.asking.ask(REFUSED[what].format(**yard.names), who="stranger")
    message = str(told.value)
    assert message
    assert SECRET not in message
    assert "Traceback" not in message
    assert neighbour.result(60).table == yard.expected
    assert pids <= {*yard.asking.pool.pids()}
    assert yard.state() == before
    with pytest.raises(BlockingIOError):
        yard.server.accept()


@pytest.mark.parametrize("kind", ["reads", "writes", "changes"])
def test_what_would_read_write_or_change_is_refused_as_such(kind: str, yard: Yard) -> None:
    for what, sql in REFUSED.items():
        if what.startswith(kind):
            with pytest.raises(SqlRefused):
                yard.asking.ask(sql.format(**yard.names))


@pytest.mark.parametrize(
    ("sql", "wish", "error"),
    [
        ("SELECT '" + "x" * 70_000 + "'", {}, SqlTooMuch),
        ("SELECT " + ", ".join(["1"] * 30_000), {}, SqlTooMuch),
        ("SELECT ?", {"parameters": ["x" * 70_000]}, SqlTooMuch),
        ("SELECT ?", {"parameters": [[0] * 40_000]}, SqlTooMuch),
        ("SELECT 1\0", {}, SqlRefused),
        ("SELECT 1", {"rows": -1}, SqlRefused),
        ("SELECT 1", {"timeout_s": 0}, SqlRefused),
        ("SELECT 1", {"as_of": "yesterday or so"}, QueryError),
        ("SELECT 1", {"parameters": [1]}, QueryError),
        ("SELECT $a", {"parameters": {"b": 1}}, QueryError),
        ("SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) = 1", {"timeout_s": 0.2}, SqlTooLong),
        ("WITH RECURSIVE x AS (SELECT 1 a UNION ALL FROM x) SELECT count(*) FROM x", {"timeout_s": 0.2}, SqlTooLong),
        ("SELECT count(*) FROM range(1000000) a, range(1000000) b", {"timeout_s": 0.2}, SqlTooLong),
    ],
    ids=[
        *("a text that is too long", "a list that is too long", "a parameter that is too long"),
        *("a list of parameters that is too long", "a byte of value 0", "fewer rows than none", "no time at all"),
        *("a snapshot that is none", "more parameters than places", "a parameter of another name"),
        *("more time than granted", "more time by recursion", "more time by a product"),
    ],
)  # fmt: skip
def test_nobody_is_given_more_than_granted(sql: str, wish: dict, error: type[Exception], yard: Yard) -> None:
    pids = set(yard.asking.pool.pids())
    neighbour = yard.asking.begin(NEIGHBOUR, who="neighbour")
    with pytest.raises(error):
        yard.asking.ask(sql, who="stranger", **wish)
    assert neighbour.result(60).table == yard.expected
    assert pids <= {*yard.asking.pool.pids()}


MEMORY = {
    "a list of all": "SELECT length(list(i)) FROM range(1000000000) t(i)",
    "a text of all": "SELECT length(string_agg(i::VARCHAR, ',')) FROM range(1000000000) t(i)",
    "an order of all": "SELECT i FROM range(1000000000) t(i) ORDER BY hash(i) LIMIT 1 OFFSET 900000000",
    "a group for each": "FROM (SELECT hash(i) FROM range(1000000000) t(i) GROUP BY ALL HAVING count(*) > 5)",
    "different ones of all": "SELECT count(DISTINCT hash(i)) FROM range(1000000000) t(i)",
    "a long text": "SELECT length(repeat('x', 2000000000) || repeat('y', 2000000000))",
    "a long range": "SELECT length(range(1000000000))",
    "a median of all": "SELECT median(hash(i)) FROM range(1000000000) t(i)",
}


@pytest.mark.parametrize("what", MEMORY)
def test_nobody_is_given_more_memory_than_granted(what: str, yard: Yard) -> None:
    neighbour = yard.asking.begin(NEIGHBOUR, who="neighbour")
    with pytest.raises((SqlTooMuch, SqlTooLong)) as told:
        yard.asking.ask(MEMORY[what], who="stranger", timeout_s=20)
    assert "memory" in str(told.value) or "longer than" in str(told.value)
    assert neighbour.result(60).table == yard.expected
    assert yard.asking.one("SELECT 1", who="stranger") == 1


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT * FROM range(1000000)", "serve_sql_rows"),
        ("SELECT partition FROM ledger, range(1000000)", "serve_sql_rows"),
        ("SELECT repeat('x', 10000) FROM range(10000)", "serve_sql_bytes"),
        ("SELECT range(1000000) FROM range(3)", "serve_sql_bytes"),
        ("SELECT [NULL FOR x IN range(1000)] FROM range(10000)", "serve_sql_bytes"),
    ],
    ids=["rows", "rows of a product", "bytes of texts", "bytes of lists", "bytes of nothing"],
)
def test_nobody_is_given_more_of_an_answer_than_granted(sql: str, why: str, yard: Yard) -> None:
    pids = set(yard.asking.pool.pids())
    neighbour = yard.asking.begin(NEIGHBOUR, who="neighbour")
    answer = yard.asking.ask(sql, who="stranger")
    assert answer.is_cut
    assert why in str(answer.why_cut)
    assert answer.table.num_rows <= SMALL.rows
    assert len(answer.stream) < 2 * SMALL.bytes
    assert neighbour.result(60).table == yard.expected
    assert pids <= {*yard.asking.pool.pids()}
