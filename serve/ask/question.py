"""What every question of the API is: parameters, what its answer depends on, and the answer."""

from typing import Any, NamedTuple, Protocol

from serve.ask.parameters import Parameter
from serve.ask.rows import Rows
from serve.lake import LakeAt, ServedLake


class Found(NamedTuple):
    """An answer that is a table. `note` says in words what was asked; `next` goes on after its last row.

    `provisional_from`: from here on (of window_start, ISO 8601) windows may still change; None where none can.
    """

    rows: Rows
    note: str | None = None
    next: str | None = None
    provisional_from: str | None = None


class Document(NamedTuple):
    """An answer that is no table: what msgspec can encode."""

    content: Any


class Asking(NamedTuple):
    """How it is asked: the way rows are read, for how long at most, and whether somebody may turn the page."""

    way: str
    timeout_s: float
    has_pages: bool = True


class Question(Protocol):
    """One question, read and ready to be asked again and again of newer snapshots, by any thread."""

    @property
    def as_of(self) -> str | int | None:
        """The snapshot that it is asked of; None is the newest."""
        ...

    @property
    def is_table(self) -> bool:
        """Whether its answer is a table, which there is in all forms."""
        ...

    @property
    def is_slow(self) -> bool:
        """Whether it may read much more than a report does; such questions have a lane of their own."""
        ...

    def facts(self, at: LakeAt) -> object:
        """What beside the snapshot and the question decides the answer, like the minute of the clock. Cheap."""
        ...

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """The answer. Raises TidemillError or Problem."""
        ...


AS_OF = Parameter("as_of", "text", "A snapshot id or a UTC time; the newest snapshot if left out.")
ZONE = Parameter("tz", "text", "Show times in this zone, like Europe/Amsterdam; UTC if left out.")
CURSOR = Parameter("cursor", "text", "Where a former answer ended: its `next`, with all other parameters as before.")
START = Parameter("start", "time", "From this time on, UTC unless it has an offset.")
END = Parameter("end", "time", "Before this time.")


def limit(default: int, most: int) -> Parameter:
    """How many rows one answer has at most."""
    return Parameter("limit", "integer", "Rows of one answer.", default, 1, most)
