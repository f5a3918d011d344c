"""The composition root: what happens when a run cannot start anew."""

import os
import sys

import pytest
import structlog
from structlog.testing import capture_logs

import run
from cli.supervise import RESTART_EXIT_CODE


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("process", [None, 1])
def test_a_run_whose_clock_was_set_back_never_goes_on_even_if_it_cannot_start_anew(
    monkeypatch: pytest.MonkeyPatch, process: int | None
) -> None:
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        raise Ended

    def refuse(*_: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(os, "execv", refuse)
    watch = run._restart_when_set_back(process, None, sys.stderr.fileno())
    watch.stop()
    structlog.reset_defaults()
    with capture_logs() as log, pytest.raises(Ended):
        watch._on_set_back(3_600.0)
    assert codes == [RESTART_EXIT_CODE]
    told = [line["event"] for line in log]
    assert told[:1] == ["the wall clock was set back: starting anew"]
    assert any("could not start anew" in event for event in told) == (process is None)
