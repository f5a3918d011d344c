"""What a run leaves in its recovery folder while something does not go out, for whoever examines it."""

import json
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dataflow.durable import replace

NAME = "delivery.json"


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A way out that does not work since `since` (aware), and why."""

    reason: str
    since: datetime


class DeliveryMark:
    """A small file, there while one way out or more does not work. A hint only: losing it loses nothing.

    For any number of threads. A run that is killed leaves it behind; the next one begins by clearing it.
    """

    def __init__(self, recovery: Path) -> None:
        self._path = recovery / NAME
        self._lock = threading.Lock()
        self._known: dict[str, Undelivered] = {}

    def clear(self) -> None:
        """All is well, or nothing is known yet."""
        with self._lock:
            self._known = {}
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def fails(self, name: str, reason: str, at: datetime) -> None:
        """One way out does not work; `since` stays that of the first failure in a row."""
        with self._lock:
            known = self._known.get(name)
            self._known[name] = Undelivered(reason, at if known is None else known.since)
            self._write()

    def works(self, name: str) -> None:
        """It works (again)."""
        with self._lock:
            if self._known.pop(name, None) is not None:
                self._write()

    def read(self) -> dict[str, Undelivered]:
        """By name of the way out; nothing where there is no file, or none that can be read."""
        try:
            found = json.loads(self._path.read_text())
            return {
                name: Undelivered(each["reason"], datetime.fromisoformat(each["since"])) for name, each in found.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _write(self) -> None:
        told = {name: {"reason": each.reason, "since": each.since.isoformat()} for name, each in self._known.items()}
        with suppress(OSError):
            if told:
                replace(self._path, json.dumps(told), durable=False)
            else:
                self._path.unlink(missing_ok=True)
