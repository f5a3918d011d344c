"""^C in the middle of a statement that is run on the main thread."""

import os
import signal
import threading

import duckdb
import pytest

from query.interrupts import heard

ENDLESS = "SELECT count(*) FROM range(100_000_000_000) t(i) WHERE i % 7 = 3"


def test_an_interrupt_that_duckdb_has_swallowed_is_one_again() -> None:
    connection = duckdb.connect()
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt), heard():
        connection.execute(ENDLESS)
    timer.join()


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="else"), heard():
        raise RuntimeError("else")
    with pytest.raises(duckdb.BinderException), heard():
        duckdb.connect().execute("SELECT nothing")
