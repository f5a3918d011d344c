"""A process that the system holds: stopped by a debugger, or waiting for a disk."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.held import held


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_a_stopped_process_is_held_until_it_goes_on() -> None:
    code = "import time; print('ready', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        # one that still begins may wait for the disk
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        assert not held([child.pid])
        child.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 120
        while not held([os.getpid(), child.pid]) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert held([os.getpid(), child.pid])
        child.send_signal(signal.SIGCONT)
        while held([child.pid]) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not held([child.pid])
    finally:
        child.kill()
        child.communicate()


def test_one_thread_that_waits_for_a_disk_is_enough_and_a_process_that_is_gone_is_not_held(tmp_path: Path) -> None:
    for thread, state in (("7", "S"), ("8", "D")):
        (tmp_path / "7" / "task" / thread).mkdir(parents=True)
        (tmp_path / "7" / "task" / thread / "stat").write_text(f"{thread} (a) T b) {state} 1 2")
    assert held([7], tmp_path)
    (tmp_path / "7" / "task" / "8" / "stat").write_text("")
    assert not held([6, 7], tmp_path)
