"""^C in the middle of a statement that is run on the main thread."""

import os
import signal
import threading

import duckdb
import pytest

from query.interrupts import heard


def ask_for_ever(connection: duckdb.DuckDBPyConnection) -> None:
    while True:
        connection.execute("SELECT count(*) FROM range(1000)")


def test_an_interrupt_is_one_whether_python_or_duckdb_has_met_it() -> None:
    connection = duckdb.connect()
    for _ in range(10):
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt), heard():
            ask_for_ever(connection)
        timer.join()


def test_what_duckdb_says_of_an_interrupt_is_heard() -> None:
    with pytest.raises(KeyboardInterrupt), heard():
        raise RuntimeError("Query interrupted")


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="else"), heard():
        raise RuntimeError("else")
    with pytest.raises(duckdb.BinderException), heard():
        duckdb.connect().execute("SELECT nothing")
