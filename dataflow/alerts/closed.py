"""What judges a rule once windows are over, and what it asks for."""

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from dataflow.alerts.judge import Stored
from dataflow.alerts.windows import Span


class ClosedStore(Protocol):
    """The lake as such a rule reads it; what is being judged now is not in it."""

    def read(self, windows: set[Span]) -> Stored:
        """All that is stored of these windows."""
        ...

    def ending(self, after_ms: int) -> Stored:
        """All that is stored of windows that end after that time."""
        ...


class ClosedJudge(Protocol):
    """Which alerts of one rule stand, of the windows that are over.

    `judged_ms`: windows that end by then are over and were judged; it never goes back. One that gets a row later is
    judged anew with it.
    """

    judged_ms: int

    @property
    def rows(self) -> int:
        """How many rows are in memory."""
        ...

    @property
    def size_bytes(self) -> int:
        """Memory of these."""
        ...

    def changes(self, rows: Mapping[str, pa.Table], *, end_ms: int, over_ms: int) -> pa.Table:
        """The changes of alerts, in ALERT_SCHEMA, with a commit of these merged rows by table.

        Windows that end by `end_ms` are over now; those that end by `over_ms` have left and are not judged.
        """
        ...

    def forget_all(self) -> None:
        """What is stored has changed in another way than by what was judged here."""
        ...
