"""Rows that reach the sink before they are folded: what the run that leaves them so brings along to fold them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from dataflow.messages import Judged, Parcel

Ahead = Callable[[Sequence[Judged]], Iterable[Mapping[str, pa.RecordBatch]]]
"""Rows by table, whose keys may repeat, of those rollups alone that somebody looks at first."""


def nothing_waits(_parts: Sequence[Judged]) -> Iterable[Mapping[str, pa.RecordBatch]]:
    """Of a run that folds all rows before they come here."""
    return ()


class Later(Protocol):
    """Folds them for good, some time after they came; see `dataflow.fold.later`."""

    def add(self, judged: Judged, epoch: int) -> None:
        """Rows of this epoch, in the order of each source partition."""
        ...

    def due(self) -> list[Parcel]:
        """What has waited long enough by now."""
        ...

    def rest(self) -> list[Parcel]:
        """All that still waits."""
        ...
