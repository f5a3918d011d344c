"""What the processes of one pipeline leave in the recovery folder about standing still: a shared word, and a record."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dataflow.durable import replace

WORD = "word"
RECORD = "stalls.json"


class SharedWord:
    """A file that any process touches as long as it lives, so that the others know what they wait for.

    Its stamp is the machine's monotonic time, which nobody reads as a time: that it changed is the word.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / WORD
        self._seen_ns = self._stamp()

    def say(self, monotonic_ns: int) -> None:
        """Let the others know that this process lives."""
        # without the file a watch knows less of the others, which costs a restart at worst
        with suppress(OSError):
            self._path.touch(exist_ok=True)
            os.utime(self._path, ns=(monotonic_ns, monotonic_ns))

    def heard(self) -> bool:
        """True when some process said a word since this was asked last."""
        stamp = self._stamp()
        changed = stamp != self._seen_ns
        self._seen_ns = stamp
        return changed

    def _stamp(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0


@dataclass(frozen=True, slots=True)
class Stalls:
    """Restarts because of a stall: how many in a row, when the last one was and what was told then."""

    in_a_row: int
    at: datetime
    told: str


class StallRecord:
    """The stalls of one run, through its restarts. `owner` is the process that stays the same through them."""

    def __init__(self, folder: Path, owner: int = 0) -> None:
        self._path = folder / RECORD
        self._owner = owner

    def read(self) -> Stalls | None:
        """The last stall, whoever had it; None when there was none or its record cannot be read."""
        found = self._load()
        return None if found is None else found[1]

    def in_a_row(self) -> int:
        """Restarts of this run, one after the other, that did not help for long."""
        found = self._load()
        return found[1].in_a_row if found is not None and found[0] == self._owner else 0

    def write(self, stalls: Stalls) -> None:
        """Replace the record as a whole."""
        text = {
            "owner": self._owner,
            "in_a_row": stalls.in_a_row,
            "at": stalls.at.isoformat(timespec="seconds"),
            "told": stalls.told,
        }
        # on a disk that takes nothing a restart is still right; only its count is lost
        with suppress(OSError):
            replace(self._path, json.dumps(text, ensure_ascii=False), durable=False, suffix=f".{os.getpid()}")

    def _load(self) -> tuple[int, Stalls] | None:
        try:
            text = json.loads(self._path.read_text(encoding="utf-8"))
            return int(text["owner"]), Stalls(
                int(text["in_a_row"]), datetime.fromisoformat(text["at"]).astimezone(UTC), str(text["told"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
