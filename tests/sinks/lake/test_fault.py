"""Faults on purpose: texts, and a process that dies where it was told to."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sinks.lake.fault import fault_from, no_fault, oversleep_from

ROOT = Path(__file__).resolve().parents[3]


def die(text: str, after: str = "") -> tuple[int, str]:
    """Exit code and output of a process that passes `here` five times, counting, and then does `after`."""
    code = f"from sinks.lake.fault import fault_from\nfault = fault_from({text!r})\n"
    code += "for n in range(5):\n    print(n, flush=True)\n    fault('elsewhere')\n    fault('here')\n" + after
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_the_process_dies_at_the_point_and_count():
    assert die("here:3") == (-signal.SIGKILL, "0\n1\n2\n")
    assert die("elsewhere") == (-signal.SIGKILL, "0\n")


def test_with_a_delay_it_goes_on_until_then():
    assert die("here@20", "import time\ntime.sleep(30)\n") == (-signal.SIGKILL, "0\n1\n2\n3\n4\n")


def test_no_text_and_other_points_do_nothing():
    assert fault_from("") is no_fault
    assert die("nowhere") == (0, "0\n1\n2\n3\n4\n")


@pytest.mark.parametrize("text", ["Here", "here:0", "here:-1", "here:x", "here@", "here@-1", "@1"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="POINT"):
        fault_from(text)


@pytest.mark.parametrize(
    ("text", "count"), [("oversleep", 1), ("oversleep:30", 30), ("here:3", None), ("", None), ("oversleep:0", None)]
)
def test_a_fault_of_sleep_is_told_from_the_others(text, count):
    assert oversleep_from(text) == count
