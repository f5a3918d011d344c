"""The supervisor: restarts together, ends for good when a restart cannot help, and its children end with it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from runtime import supervisor as supervise
from runtime.supervisor import RESTART_EXIT_CODE, Supervisor

ROOT = Path(__file__).resolve().parents[2]


def supervised(tmp_path: Path, child: str, processes: int = 2) -> Supervisor:
    """A supervisor whose children run `child`; `number` counts the starts of each, `index` is its own."""
    code = f"""
import os, sys, time, pathlib
index = sys.argv[sys.argv.index("--process-id") + 1]
starts = pathlib.Path({str(tmp_path)!r}) / index
with starts.open("a") as file: file.write("x")
number = len(starts.read_text())
{child}
"""
    return Supervisor([sys.executable, "-c", code], processes)


def starts(tmp_path: Path, index: int = 0) -> int:
    return len((tmp_path / str(index)).read_text())


@pytest.fixture(autouse=True)
def handlers():
    """The supervisor takes the signals of the process; they are given back."""
    kept = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in kept:
        signal.signal(number, handler)


def test_all_start_again_when_one_was_killed(tmp_path):
    # only once the other one runs as well, however slow the machine is
    child = """
if number == 1 and index == '1':
    while not starts.with_name('0').exists(): time.sleep(0.01)
    os.kill(os.getpid(), 9)
if number == 1: time.sleep(60)
"""
    assert supervised(tmp_path, child).run() == 0
    assert (starts(tmp_path, 0), starts(tmp_path, 1)) == (2, 2)


def test_an_error_that_a_restart_cannot_cure_is_the_end_and_its_code_the_exit_code(tmp_path):
    child = "time.sleep(0.2 if index == '0' else 60)\nsys.exit(5 if index == '0' else 1)"
    assert supervised(tmp_path, child).run() == 5
    assert starts(tmp_path) == 1


def test_a_fault_on_purpose_is_gone_after_a_new_start(tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEMILL_FAULT", "oversleep:3")
    child = f"sys.exit({RESTART_EXIT_CODE} if 'TIDEMILL_FAULT' in os.environ else 0)"
    assert supervised(tmp_path, child).run() == 0
    assert starts(tmp_path) == 2


def test_a_wish_to_start_anew_is_no_crash(tmp_path):
    assert supervised(tmp_path, f"sys.exit({RESTART_EXIT_CODE} if number < 4 else 0)").run() == 0
    assert starts(tmp_path) >= 4


def test_children_that_do_not_heed_a_stop_are_killed_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "KILL_AFTER_S", 0.5)
    child = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
starts.with_name('ready-' + index).touch()
time.sleep(30)
"""
    supervisor = supervised(tmp_path, child)

    def stop_when_ready():
        while len(list(tmp_path.glob("ready-*"))) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_when_ready, daemon=True).start()
    started = time.monotonic()
    structlog.reset_defaults()
    with capture_logs() as log:
        assert supervisor.run() == 137
    assert time.monotonic() - started < 20
    assert "no process ended when asked to: all are killed" in [line["event"] for line in log]


def test_a_child_ends_when_its_supervisor_is_gone():
    code = "import os, time\nfrom runtime.supervisor import end_with_supervisor\n"
    code += "end_with_supervisor(lambda reason: (print(reason, flush=True), os._exit(0)))\ntime.sleep(60)"
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    told, _ = child.communicate(timeout=60)
    assert told == "the supervisor ended\n"
    assert child.returncode == 0


def test_a_child_that_does_not_end_when_its_supervisor_is_gone_ends_hard():
    code = "import time\nfrom runtime import supervisor\nsupervisor.KILL_AFTER_S = 0.3\n"
    code += "supervisor.end_with_supervisor(lambda reason: None)\ntime.sleep(60)"
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert child.returncode == 1
    assert "the supervisor is gone" in child.stdout + child.stderr


def test_a_child_without_a_standard_input_is_nobodys():
    code = "import os, time\nfrom runtime.supervisor import end_with_supervisor\nos.close(0)\n"
    code += "end_with_supervisor(lambda reason: (print(reason, flush=True), os._exit(0)))\ntime.sleep(60)"
    child = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert (child.returncode, child.stdout) == (0, "the supervisor ended\n")
