"""DuckDB's extension without its package: the same objects, whichever is imported first."""

import subprocess
import sys
from pathlib import Path

import duckdb as package

from query.duck import duckdb

ROOT = Path(__file__).parents[2]


def test_what_is_used_of_the_extension_is_what_the_package_gives() -> None:
    assert duckdb.DuckDBPyConnection is package.DuckDBPyConnection
    for name in ("Error", "IOException", "InterruptException", "CatalogException", "BinderException",
                 "ParserException", "TransactionException"):  # fmt: skip
        assert getattr(duckdb, name) is getattr(package, name)


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_connection_that_was_there_before_the_package_has_its_relations_afterwards() -> None:
    code = """
import sys
from query.duck import duckdb
connection = duckdb.connect()
assert "duckdb" not in sys.modules
import duckdb as package
print(connection.sql("SELECT 1 AS one").columns, package.Error is duckdb.Error)
"""
    assert _run(code) == "['one'] True\n"


def test_a_package_that_hides_its_extension_is_taken_whole() -> None:
    code = """
import sys
import duckdb as package
sys.modules["_duckdb"] = None
from query.duck import duckdb
print(duckdb is package)
"""
    assert _run(code) == "True\n"
