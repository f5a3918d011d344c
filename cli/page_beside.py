"""The page beside a command that fills a lake: `tidemill serve` as a child process of it."""

import queue
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import IO

from runtime.exit_code import in_words

HOST = "127.0.0.1"
STOP_S = 10.0
"""Longer than answers under way may take; then it is killed."""


class PageBeside:
    """A server of its own over one lake, which need not be there yet. A context: leaving it ends the server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """`process` prints the server's address as its first line."""
        self.process = process
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        assert process.stdout is not None
        # a daemon: a read that waits must not hold the end of this process
        threading.Thread(target=self._listen, args=(process.stdout,), name="page", daemon=True).start()

    def __enter__(self) -> "PageBeside":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, patience_s: float) -> str:
        """Its address, as soon as it listens. Raises TidemillError where it ends before, or takes longer."""
        from dataflow.errors import TidemillError

        try:
            said = self._said.get(timeout=patience_s)
        except queue.Empty:
            raise TidemillError(f"the page's server said nothing for {patience_s:g} s; start again") from None
        if not said:
            code = self.process.wait()
            raise TidemillError(f"the page's server {in_words(code)} before it listened; what it said stands above")
        return said.strip().rstrip("/") + "/"

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self.process.poll()

    def stop(self) -> int:
        """End it in order, and wait for that."""
        return stopped(self.process, STOP_S)

    def _listen(self, said: IO[str]) -> None:
        with said:
            for line in said:
                self._said.put(line)
        self._said.put("")


def start_page(lake: Path, pipeline: str, recovery: Path, port: int) -> PageBeside:
    """Begin to serve a lake that the generator fills: on `port`, or on any that is free where that one is taken."""
    from runtime.program import this_command

    arguments = ["serve", "--lake", str(lake), "--pipeline", pipeline, "--log-level", "error"]
    # what the doctor looks at, whose findings the page shows
    arguments += ["--source", "generator", "--recovery", str(recovery)]
    arguments += ["--serve-host", HOST, "--serve-port", str(port if is_free(port) else 0)]
    # a session of its own: ^C reaches the command, which then ends its children in order
    process = subprocess.Popen(this_command(arguments), stdout=subprocess.PIPE, text=True, start_new_session=True)
    return PageBeside(process)


def is_free(port: int) -> bool:
    """Whether this machine would let a server listen there now."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
            tried.listen()
        except OSError:
            return False
    return True


def stopped(process: "subprocess.Popen[str] | subprocess.Popen[bytes]", patience_s: float) -> int:
    """The exit code of a child after SIGTERM; killed where it takes longer, or where waiting is interrupted."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
