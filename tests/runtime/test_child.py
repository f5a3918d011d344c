"""A child process is read without waiting, and ends when it is told to, whatever it does."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from runtime.child import ChildProcess


def child(code: str) -> ChildProcess:
    return ChildProcess([sys.executable, "-c", f"import os, signal, sys, time\n{code}"], os.environ)


def until(found: Callable[[], bool], patience_s: float = 120) -> None:
    deadline = time.monotonic() + patience_s
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_lines_come_whole_and_the_last_one_at_the_end_without_its_newline() -> None:
    process = child("print('one\\ntw', end='', flush=True); input(); print('o'); print('thr', end='')")
    told: list[str] = []

    def seen(count: int) -> Callable[[], bool]:
        def look() -> bool:
            told.extend(process.told())
            return len(told) >= count

        return look

    until(seen(1))
    assert (told, process.ended()) == (["one"], None)
    stdin = process._process.stdin
    assert stdin is not None
    stdin.write(b"\n")
    stdin.flush()
    until(lambda: process.ended() is not None)
    until(seen(3))
    assert (told, process.said(), process.ended()) == (["one", "two", "thr"], [], 0)
    process.close()


def test_standard_error_is_kept_apart_and_a_line_without_end_does_not_grow_for_ever() -> None:
    process = child("sys.stderr.write('x' * 1_000_000); sys.exit(3)")
    said: list[str] = []

    def all_came() -> bool:
        said.extend(process.said())
        return sum(map(len, said)) == 1_000_000

    until(all_came)
    until(lambda: process.ended() is not None)
    assert (process.told(), process.ended()) == ([], 3)
    assert len(said) > 1
    process.close()


def test_one_that_does_not_heed_sigterm_is_killed_when_patience_ends() -> None:
    process = child("signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)")
    until(lambda: process.told() == ["ready"])
    process.stop(0.2)
    assert process.ended() == -9
    process.stop(0.2)


def test_end_of_file_on_standard_input_tells_a_child_that_its_parent_is_gone() -> None:
    code = "import os, sys, time\nfrom runtime.child import ChildProcess\n"
    code += "inner = 'import sys; sys.stdin.read()'\n"
    code += (
        "child = ChildProcess([sys.executable, '-c', inner], os.environ)\nprint(child.pid, flush=True)\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"

    until(gone)


def test_a_program_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        ChildProcess(["/nowhere/at-all"], os.environ)
