"""A new start at once: the same process as its own successor, or an exit code for whoever started it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from runtime.anew import Anew
from runtime.supervisor import RESTART_EXIT_CODE

ROOT = Path(__file__).resolve().parents[2]


def started(process: str, again: bool, folder: Path) -> tuple[int, list[str]]:
    """Exit code and lines of a process that starts anew once, from a thread, while its main thread sleeps."""
    code = f"""
import os, sys, threading, time, pathlib
from runtime.anew import Anew
started = pathlib.Path({str(folder)!r}) / "started"
print("fault", os.environ.get("TIDEMILL_FAULT", "none"), "pid", os.getpid(), flush=True)
if started.exists(): sys.exit(0)
started.touch()
anew = Anew({process}, 2, lambda: print("before", flush=True))
assert anew.owner == (os.getpid() if {process} is None else os.getppid())
threading.Thread(target=lambda: anew(again={again}), daemon=True).start()
time.sleep(60)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"TIDEMILL_FAULT": "oversleep", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines()


def test_a_process_that_is_alone_becomes_its_own_successor_without_its_fault(tmp_path: Path) -> None:
    code, lines = started("None", True, tmp_path)
    assert code == 0
    first, before, second = lines
    assert before == "before"
    assert first.split()[:2] == ["fault", "oversleep"]
    assert second.split()[:2] == ["fault", "none"]
    assert first.split()[-1] == second.split()[-1], "another process id"


@pytest.mark.parametrize(("process", "again"), [("1", True), ("None", False)])
def test_one_of_several_and_one_that_was_asked_to_end_leave_it_to_whoever_started_them(
    tmp_path: Path, process: str, again: bool
) -> None:
    code, lines = started(process, again, tmp_path)
    assert code == RESTART_EXIT_CODE
    assert len(lines) == 2


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("process", [None, 1])
def test_a_process_that_cannot_start_anew_ends_and_never_goes_on(
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
    structlog.reset_defaults()
    with capture_logs() as log, pytest.raises(Ended):
        Anew(process, sys.stderr.fileno(), lambda: None)()
    assert codes == [RESTART_EXIT_CODE]
    assert any("could not start anew" in line["event"] for line in log) == (process is None)
