"""`tidemill produce`: when its stream starts, how it tells its progress, and that it ends when asked."""

import os
import signal
import sys
from typing import Any

import pytest

from cli.produce import _Progress, _Stopper, start_at_ms
from dataflow.errors import ConfigError
from deploy.topic_filler import Filled


@pytest.mark.parametrize(
    ("written", "ms"),
    [("1767225600000", 1_767_225_600_000), ("2026-01-01T00:00:00Z", 1_767_225_600_000)],
)
def test_a_start_is_a_time_or_milliseconds(written: str, ms: int) -> None:
    assert start_at_ms(written) == ms


def test_a_start_that_is_neither_is_told_with_the_form() -> None:
    with pytest.raises(ConfigError, match='"2026-01-31T00:00:00Z", or milliseconds since 1970'):
        start_at_ms("soon")


def test_both_signals_are_a_wish_to_stop() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        stopper = _Stopper()
        assert not stopper.asked
        os.kill(os.getpid(), number)
        assert stopper.asked


def said(capsys: pytest.CaptureFixture[str], progress: Any, *steps: tuple[float, int]) -> str:
    for seconds, records in steps:
        progress(Filled(records=records, seconds=seconds))
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_progress_is_a_line_every_ten_seconds_with_the_rate_since_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys, _Progress("ads", 5_000), (1, 100), (10, 1_000), (19.9, 1_900), (20, 3_000))
    assert told.splitlines() == [
        "ads: 1,000 of 5,000 records, 100 records/s",
        "ads: 3,000 of 5,000 records, 200 records/s",
    ]


def test_on_a_terminal_one_line_is_rewritten(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    told = said(capsys, _Progress("ads", None), (0.4, 10), (0.5, 50), (1.0, 100))
    assert "\n" not in told
    assert [line.strip() for line in told.split("\r") if line] == [
        "ads: 50 records, 100 records/s",
        "ads: 100 records, 100 records/s",
    ]
