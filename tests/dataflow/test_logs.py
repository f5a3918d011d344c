"""Logs, and what a thread says with its last breath."""

import io
import json
import threading
from collections.abc import Iterator

import pytest
import structlog

from dataflow import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    hook = threading.excepthook
    made = io.StringIO()
    logs.configure("json", "info", made)
    yield made
    threading.excepthook = hook
    structlog.reset_defaults()


def test_a_thread_that_dies_is_logged_by_its_name_and_with_the_place(stream: io.StringIO) -> None:
    def fall() -> None:
        raise ZeroDivisionError("a bug")

    logs.tell_dying_threads()
    thread = threading.Thread(target=fall, name="watcher")
    thread.start()
    thread.join()
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["event"], line["thread"], line["level"]) == ("a thread died", "watcher", "error")
    assert "ZeroDivisionError: a bug" in line["exception"]
    assert "in fall" in line["exception"]


def test_a_thread_that_ends_on_purpose_is_not(stream: io.StringIO) -> None:
    logs.tell_dying_threads()
    thread = threading.Thread(target=lambda: exit(0))
    thread.start()
    thread.join()
    assert stream.getvalue() == ""
