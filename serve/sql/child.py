"""A child as the server holds it: started, told, asked, stopped, killed."""

import json
import os
import pickle
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from dataflow.errors import SqlFailed
from dataflow.root import INSTALLED
from query.resolve import Resolved
from serve.sql import frames, wall
from serve.sql.inside import __name__ as _INSIDE
from serve.sql.orders import Birth, Order
from serve.sql.wall import Standing

BIRTH_S = 60.0
"""So long may a child take to be ready: a machine may be busy."""

GRACE_S = 1.0
"""So long a question that was told to stop may take for it before its process is killed."""

_TICK_S = 0.02
_READ_BYTES = 1024 * 1024
_PROCESSOR_SPARE_S = 5
_LONGEST_LIFE_S = 3_600
"""A child that has used so much processor time is replaced."""

_HARMLESS = ("stopped", "refused", "query", "moved")
"""Ends after which a child is as good as before."""

_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]);"
    " from importlib import import_module; import_module(sys.argv[2]).main()"
)


class Said(NamedTuple):
    """What a child made of a question: an answer's stream, and the end that it told, or {"error": "gone"}.

    `is_late`: it was killed since it did not stop in time. `code` is how a process that is gone ended.
    """

    stream: bytes
    end: dict[str, Any]
    is_late: bool = False
    code: int | None = None


class Child:
    """One process. For one thread at a time, but for `stop` and `kill`, which may come from any.

    `is_good` is False as soon as the process must not be asked again.
    """

    def __init__(self) -> None:
        """Start it; it imports what it needs until `begin`. Raises OSError when the system cannot."""
        # The kernel ends a child with the *thread* that started it: that one has to live as long as the pool.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BOOT, json.dumps(_paths()), f"{_INSIDE}.main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._unpacker = frames.Unpacker()
        self._stop_wanted = threading.Event()
        self._frames: deque[tuple[bytes, bytes]] = deque()
        self.is_good = True
        self.birth: Birth | None = None
        self.walls: list[Standing] = []
        self.known: Resolved | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def is_of_use(self) -> bool:
        """Whether it may be asked: it is good, and has not ended while nobody asked it."""
        return self.is_good and self._process.poll() is None

    def begin(self, birth: Birth) -> None:
        """Have it raise its walls, and wait until it is ready. Raises SqlFailed if it will never be."""
        deadline_s = time.monotonic() + BIRTH_S
        told = self._tell(frames.PLACE, pickle.dumps(birth))
        kind, body = frames.END, b""
        while told and (kind, body) != (b"", b""):
            kind, body = self._frame(lambda: time.monotonic() > deadline_s)
            if kind == frames.READY:
                self.walls = _standing(_json(body))
                self.birth = birth
                return
            if kind != frames.HELLO:
                break
        self.kill()
        why = _json(body).get("message") or f"it did not begin, or not within {BIRTH_S:g} s"
        raise SqlFailed(f"no process to answer questions could be started: {why}")

    def ask(self, resolved: Resolved, order: Order, timeout_s: float, most_bytes: int) -> Said:
        """Ask, and wait for what comes of it; it is killed where it does not stop in time, or says what it must not."""
        if self.known is not resolved:
            plain = resolved._replace(others=dict(resolved.others), backfilled=dict(resolved.backfilled))
            if self._tell(frames.SNAPSHOT, pickle.dumps(plain)):
                self.known = resolved
        self._limit_processor(timeout_s)
        watch = _Watch(self, time.monotonic() + timeout_s)
        stream = bytearray()
        if self._tell(frames.QUESTION, pickle.dumps(order)):
            while True:
                kind, body = self._frame(watch)
                if kind == frames.END:
                    return self._said(bytes(stream), _json(body))
                if kind != frames.DATA or len(stream) + len(body) > most_bytes:
                    break
                stream += body
        self.kill()
        return Said(b"", {"error": "gone"}, watch.is_late, self._process.wait())

    def is_stopping(self) -> bool:
        """Whether `stop` was asked for."""
        return self._stop_wanted.is_set()

    def stop(self) -> None:
        """Have it let go of the question that it is at, or be killed. From any thread."""
        self._stop_wanted.set()

    def renew(self) -> None:
        """Forget that it was told to stop, before the next question."""
        self._stop_wanted.clear()

    def kill(self) -> None:
        """End it at once, for ever."""
        self.is_good = False
        self._process.kill()

    def close(self) -> None:
        """Kill it, wait for its end and close its pipes. Not from another thread than that which asks."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _said(self, stream: bytes, end: dict[str, Any]) -> Said:
        if end.get("error") not in (None, *_HARMLESS) or self._used_s() > _LONGEST_LIFE_S:
            self.is_good = False
        return Said(stream, end)

    def _tell(self, kind: bytes, body: bytes) -> bool:
        """Whether it has taken it: one that is gone, or does not read, has not."""
        rest = memoryview(frames.packed(kind, body))
        poll = select.poll()
        poll.register(self._in, select.POLLOUT)
        while rest:
            if not poll.poll(GRACE_S * 1000):
                return False
            try:
                rest = rest[os.write(self._in, rest) :]
            except BlockingIOError:
                continue
            except OSError:
                return False
        return True

    def _frame(self, is_over: Callable[[], bool]) -> tuple[bytes, bytes]:
        """The next frame; two times nothing when it is over, the child is gone, or what it says is none."""
        poll = select.poll()
        poll.register(self._out, select.POLLIN)
        while not self._frames:
            if is_over():
                return b"", b""
            if poll.poll(_TICK_S * 1000):
                data = os.read(self._out, _READ_BYTES)
                try:
                    self._frames.extend(self._unpacker.take(data))
                except ValueError:
                    return b"", b""
                if not data and not self._frames:
                    return b"", b""
        return self._frames.popleft()

    def _limit_processor(self, timeout_s: float) -> None:
        """The kernel ends it where a question takes more processor time than its time limit explains."""
        if not sys.platform.startswith("linux"):
            return
        import resource

        with suppress(OSError, ValueError):
            used_s = self._used_s()
            threads = self.birth.threads + 1 if self.birth is not None else 2
            limit = int(used_s + timeout_s * threads + _PROCESSOR_SPARE_S)
            _, most = resource.prlimit(self.pid, resource.RLIMIT_CPU)
            resource.prlimit(self.pid, resource.RLIMIT_CPU, (limit, most))

    def _used_s(self) -> float:
        """Processor time that it has used; 0 where the system does not tell."""
        if not sys.platform.startswith("linux"):
            return 0
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Watch:
    """Whether a question is over in spite of the child: tells it to stop once, and waits no longer than GRACE_S."""

    def __init__(self, child: Child, deadline_s: float) -> None:
        self._child = child
        self._deadline_s = deadline_s
        self._kill_at_s: float | None = None
        self.is_late = False

    def __call__(self) -> bool:
        now_s = time.monotonic()
        if self._kill_at_s is None and (now_s > self._deadline_s or self._child.is_stopping()):
            self._kill_at_s = now_s + GRACE_S
            self._child._tell(frames.STOP, b"")
        self.is_late = self._kill_at_s is not None and now_s > self._kill_at_s
        return self.is_late


def _paths() -> list[str]:
    """Where modules are found here, so that the child finds the same, whatever its folder is."""
    root = Path(__file__).resolve().parents[3 if INSTALLED else 2]
    return list(dict.fromkeys(os.path.abspath(each) for each in (str(root), *sys.path)))


def _standing(noted: dict[str, Any]) -> list[Standing]:
    """All walls: those that the child tells nothing of are of the program itself."""
    told = {name: (bool(up), str(note)) for name, (up, note) in noted.items()}
    return [Standing(each, *told.get(each.name, (True, ""))) for each in wall.WALLS]


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {"error": "gone"}
    return found if isinstance(found, dict) else {"error": "gone"}
