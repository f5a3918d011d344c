"""How far the topics of a job are in the lake: what is kept beside each commit, and what the next one goes on from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
Counted = Mapping[str, Any]
"""What a job says of one source partition: a row of its ledger."""


@dataclass(slots=True)
class JobState:
    """`places`: per topic partition, as "topic/number", the next offset. `ledger`: per source partition the last row of
    the job's ledger that is in the lake. `rows`: per table how many rows, or rows that deltas count, are in it.
    """

    places: dict[str, int] = field(default_factory=dict)
    ledger: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """As the catalog keeps it."""
        return json.dumps({"version": VERSION, "places": self.places, "ledger": self.ledger, "rows": self.rows})

    def copy(self) -> "JobState":
        """Another one that is equal."""
        return JobState(dict(self.places), dict(self.ledger), dict(self.rows))


def state_of(text: str) -> JobState:
    """From its text."""
    told = json.loads(text)
    return JobState(told["places"], told["ledger"], told["rows"])
