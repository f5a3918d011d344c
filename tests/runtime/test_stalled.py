"""What is done about a stall: a line that says what is known, a record for doctor, a new start or an end."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dataflow import logs
from dataflow.intake.pulse import Place
from runtime.stall import MAX_RESTARTS, Stall
from runtime.stalled import Stalled
from runtime.stalls import StallRecord, Stalls

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STALL = Stall(Place("ads/0", 20, 5), 18, 7, 33.04, 32.0, "nothing", 2)


class Anew:
    """Counts instead of ending the process."""

    def __init__(self) -> None:
        self.again: list[bool] = []

    def __call__(self, *, again: bool) -> None:
        self.again.append(again)


def stalled(folder: Path, anew: Any, *, stopping: bool = False) -> Stalled:
    logs.configure("json", "info")
    return Stalled(StallRecord(folder, 1), anew, pids=lambda: [], stopping=lambda: stopping, wall=lambda: NOW)


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_it_is_a_warning_until_restarts_are_known_not_to_help(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    react = stalled(tmp_path, Anew())
    react.tell(STALL)
    react.tell(Stall(STALL.place, 18, None, 40.0, 39.0, "nothing", MAX_RESTARTS))
    warned, failed = lines(capfd)
    assert (warned["level"], failed["level"]) == ("warning", "error")
    assert (warned["partition"], warned["position"], warned["in_lake"], warned["epoch"]) == ("ads/0", 20, 18, 7)
    assert "doctor" in failed["fix"]
    react.over(41.04)
    (over,) = lines(capfd)
    assert (over["level"], over["after_s"]) == ("info", 41.0)


@pytest.mark.parametrize("stopping", [False, True])
def test_a_restart_is_written_down_first_and_a_run_that_was_asked_to_end_ends(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], stopping: bool
) -> None:
    anew = Anew()
    stalled(tmp_path, anew, stopping=stopping).restart(STALL)
    assert anew.again == [not stopping]
    record = StallRecord(tmp_path, 1)
    assert record.in_a_row() == 3
    found = record.read()
    assert found is not None
    assert "partition ads/0" in found.told
    (line,) = lines(capfd)
    assert ("ending, as asked" if stopping else "starting anew") in line["event"]


def test_the_count_belongs_to_the_run_that_had_the_stalls(tmp_path: Path) -> None:
    StallRecord(tmp_path, 1).write(Stalls(3, NOW, "told"))
    assert StallRecord(tmp_path, 1).in_a_row() == 3
    assert StallRecord(tmp_path, 2).in_a_row() == 0
    (tmp_path / "stalls.json").write_text("{")
    assert StallRecord(tmp_path, 1).in_a_row() == 0
    assert StallRecord(tmp_path, 1).read() is None
