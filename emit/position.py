"""How far a way out has come, as it is remembered with what was sent."""

import json
from dataclasses import dataclass
from typing import Self

from sinks.lake.catalog.deliveries import Delivered

UNTOLD = ""
"""In the place of a snapshot's time: it was not asked for."""


@dataclass(frozen=True, slots=True)
class Position:
    """All commits up to `snapshot` are sent, and of rows that go out when they are final all windows that ended by
    `final_ms` (None: none yet). `time` is the snapshot's, as the catalog has it.
    """

    snapshot: int
    time: str
    final_ms: int | None = None

    def text(self) -> str:
        """As `of_text` reads it; some hundred bytes, since a broker keeps no more than 4096."""
        return json.dumps({"snapshot": self.snapshot, "time": self.time, "final_ms": self.final_ms})

    @classmethod
    def of_text(cls, text: str) -> Self:
        """From the text. Raises ValueError for another one."""
        try:
            found = json.loads(text)
            return cls(int(found["snapshot"]), str(found["time"]), found["final_ms"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{text!r} is no position") from error

    def delivered(self, source: str) -> Delivered:
        """As the lake remembers it."""
        return Delivered(source, self.snapshot, self.time, self.final_ms)

    @classmethod
    def of(cls, known: Delivered) -> Self:
        """From what the lake remembers."""
        return cls(known.snapshot, known.time, known.final_ms)
