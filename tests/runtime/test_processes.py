"""A process is known by its number and its words, and a stranger with that number is none of ours."""

import signal
import subprocess
import sys

import pytest

from runtime.processes import is_alive, runs, send, without_stack

WAITS = "import sys; print(flush=True); sys.stdin.read()"


def test_a_process_runs_what_it_was_started_with_word_by_word() -> None:
    command = [sys.executable, "-c", WAITS, "main.Class", "/data/conf"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert runs(child.pid, "main.Class", "/data/conf")
        assert runs(child.pid, "/data/conf")
        assert not runs(child.pid, "/data/conf", "main.Class")
        assert not runs(child.pid, "/data")
        assert not runs(child.pid, "Class")
        child.kill()
    assert not runs(child.pid, "/data/conf")


def test_a_signal_ends_a_process_and_another_one_to_nobody_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdin=subprocess.PIPE) as child:
        assert is_alive(child.pid)
        send(child.pid, signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL
    assert not is_alive(child.pid)
    send(child.pid, signal.SIGTERM)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("", ""),
        ("a\n\n\tat x.Y(Z.java:1)\nCaused by: b\n\tat x.Y(Z.java:2)\n", "a\nCaused by: b"),
        ("\n".join("1234567"), "2\n3\n4\n5\n6\n7"),
    ],
)
def test_of_a_java_programs_words_the_last_lines_stay_without_places_in_code(said: str, left: str) -> None:
    assert without_stack(said) == left
