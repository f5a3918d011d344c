"""How a run speaks: a line, a log, JSON or not at all."""

import io
import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from dataflow.messages import Judged
from runtime.live_line import LiveLine
from runtime.progress import Progress
from runtime.settings import load_settings
from runtime.speaker import Manner, Speaker, manner_of


def progress() -> Progress:
    made = Progress(lambda: datetime(2026, 1, 1, tzinfo=UTC), time.monotonic)
    made.observe(Judged("p", "t", 0, 7, 7), 3)
    return made


def until(there: Callable[[], bool]) -> None:
    for _ in range(1000):
        if there():
            return
        time.sleep(0.01)
    raise AssertionError("nothing was told")


@pytest.mark.parametrize(
    ("flags", "terminal", "manner"),
    [
        ({}, True, "line"),
        ({}, False, "log"),
        ({"progress": "log"}, True, "log"),
        ({"progress": "json"}, True, "json"),
        ({"quiet": True, "progress": "json"}, True, "off"),
        ({"processes": 2}, True, "log"),
        ({"log_format": "json"}, True, "log"),
    ],
)
def test_the_manner_is_that_of_the_place(flags: dict[str, Any], terminal: bool, manner: Manner) -> None:
    assert manner_of(load_settings(flags, environ={}), terminal=terminal) == manner


def test_elsewhere_than_on_a_terminal_the_log_tells() -> None:
    with capture_logs() as log:
        speaker = Speaker(progress(), "log", process=2, every_s=0.01)
        speaker.start()
        until(lambda: len(log) >= 2)
        speaker.stop()
    assert log[0]["event"] == "progress"
    assert (log[0]["read"], log[0]["lag"], log[0]["process"]) == (7, 3, 2)


def test_programs_get_an_object_a_line_and_a_last_one() -> None:
    told: list[str] = []
    speaker = Speaker(progress(), "json", write=told.append, every_s=0.01)
    speaker.start()
    until(lambda: len(told) >= 2)
    speaker.stop()
    documents = [json.loads(line) for line in "".join(told).splitlines()]
    assert [each["event"] for each in documents] == ["progress"] * (len(documents) - 1) + ["ended"]
    assert {each["read"] for each in documents} == {7}


def test_a_live_line_ends_as_what_the_whole_run_was() -> None:
    stream = io.StringIO()
    speaker = Speaker(progress(), "line", line=LiveLine(stream, lambda: 200), every_s=0.01)
    speaker.start()
    until(lambda: stream.getvalue().count("read 7") >= 2)
    speaker.stop()
    assert stream.getvalue().endswith("\n")
    assert "read 7" in stream.getvalue().rpartition("\r")[2]


def test_a_quiet_run_says_nothing_and_starts_no_thread() -> None:
    told: list[str] = []
    before = threading.active_count()
    with capture_logs() as log:
        speaker = Speaker(progress(), "off", write=told.append)
        speaker.start()
        assert threading.active_count() == before
        speaker.stop()
    assert (told, log) == ([], [])
