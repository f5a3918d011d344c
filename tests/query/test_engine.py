"""The engine: namespaces apart from each other, cursors that only their owner interrupts, nothing left behind."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from query.engine import Engine, Namespace
from query.guard import TimeLimit


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path, threads=1)


def names_in(engine: Engine) -> set[str]:
    rows = engine.namespace().cursor().execute("SELECT database_name FROM duckdb_databases()").fetchall()
    return {name for (name,) in rows if name.startswith("lake")}


def made(engine: Engine, value: int) -> Namespace:
    namespace = engine.namespace()
    namespace.make(namespace.cursor(), "v", lambda: f"SELECT {value} AS n")
    return namespace


def test_a_name_means_something_else_in_each_namespace(engine: Engine) -> None:
    one, two = made(engine, 1), made(engine, 2)
    for namespace, value in ((one, 1), (two, 2)):
        for name in ("v", "main.v"):
            assert namespace.cursor().execute(f"SELECT n FROM {name}").fetchall() == [(value,)]


def test_a_view_is_made_once_and_stays_what_it_is(engine: Engine) -> None:
    namespace = made(engine, 1)
    namespace.make(namespace.cursor(), "v", lambda: pytest.fail("asked for its text again"))
    assert namespace.has("v")


def test_many_threads_make_the_same_views_of_a_new_namespace_at_once(engine: Engine) -> None:
    for _ in range(5):
        namespace, together = engine.namespace(), threading.Barrier(6)

        def work(namespace: Namespace = namespace, together: threading.Barrier = together) -> object:
            together.wait(20)
            cursor = namespace.cursor()
            for number in range(4):
                namespace.make(cursor, f"v{number}", lambda number=number: f"SELECT {number} AS n")  # type: ignore[misc]  # a default binds the loop's value
            return cursor.execute("SELECT v0.n + v3.n FROM v0, v3").fetchall()

        with ThreadPoolExecutor(6) as pool:
            assert [each.result(20) for each in [pool.submit(work) for _ in range(6)]] == [[(3,)]] * 6


def test_a_namespace_that_nothing_holds_is_dropped_with_its_views(engine: Engine) -> None:
    kept = made(engine, 1)
    for value in range(20):
        made(engine, value)
    gc.collect()
    assert len(names_in(engine)) <= 2  # the kept one and that which asks
    assert kept.cursor().execute("SELECT n FROM v").fetchall() == [(1,)]


def test_a_namespace_outlives_the_engine_that_was_closed(engine: Engine) -> None:
    old = made(engine, 1)
    engine.close()
    assert names_in(engine).isdisjoint({"lake1"})
    assert old.cursor().execute("SELECT n FROM v").fetchall() == [(1,)]


def test_a_time_limit_stops_its_own_cursor_only(engine: Engine) -> None:
    namespace = engine.namespace()
    mine, theirs = namespace.cursor(), namespace.cursor()
    long = "SELECT sum(hash(i)) FROM range({}) t(i)"
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: theirs.execute(long.format(20_000_000)).fetchall())
        with TimeLimit(mine, 0.05) as limit:
            with pytest.raises(duckdb.InterruptException):
                mine.execute(long.format(100_000_000_000))
            assert "longer than 0.05 s" in limit.told()
        assert len(other.result(60)) == 1
    assert mine.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("sql", ["SET threads = 2", "ATTACH '/tmp/other.duckdb'", "FROM read_text('/etc/hostname')"])
def test_nothing_but_the_data_files_is_in_reach(engine: Engine, sql: str) -> None:
    with pytest.raises(duckdb.Error):
        engine.namespace().cursor().execute(sql).fetchall()
