"""A server as a child: its address, its failures, and its end."""

import signal
import socket
import subprocess
import sys
import time

import pytest

from cli.page_beside import HOST, PageBeside, is_free, stopped
from dataflow.errors import TidemillError


def beside(code: str) -> PageBeside:
    return PageBeside(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True))


def test_its_address_is_its_first_line_and_leaving_ends_it() -> None:
    code = "print('http://127.0.0.1:7\\nmore', flush=True); import time; time.sleep(60)"
    with beside(code) as page:
        assert page.url(60) == "http://127.0.0.1:7/"
        assert page.poll() is None
    assert page.poll() == -signal.SIGTERM


def test_one_that_ends_before_it_listens_is_said_with_its_exit_code() -> None:
    with beside("raise SystemExit(2)") as page, pytest.raises(TidemillError, match="ended with exit code 2 before it"):
        page.url(60)


def test_one_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with beside("import time; time.sleep(60)") as page, pytest.raises(TidemillError, match=r"said nothing for 0\.1 s"):
        page.url(0.1)
    assert page.poll() is not None


def test_one_that_does_not_end_is_killed() -> None:
    deaf = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(flush=True)\ntime.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as said:
        said.readline()
    assert stopped(process, 0.2) == -signal.SIGKILL


def test_a_wait_that_is_interrupted_leaves_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    real = process.wait
    asked: list[float | None] = []

    def wait(timeout: float | None = None) -> int:
        asked.append(timeout)
        if len(asked) == 1:
            raise KeyboardInterrupt
        return real(timeout)

    monkeypatch.setattr(process, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        stopped(process, 5)
    assert process.poll() is not None


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert not is_free(port)
    deadline = time.monotonic() + 120
    while not is_free(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert is_free(port)
