"""A Parquet or Avro file that has no bytes yet, as while it is written: no record, and something to wait for."""

from pathlib import Path
from typing import Any

from dataflow.errors import OffsetLost
from dataflow.messages import Poll
from dataflow.sources.files.content_print import Known


class EmptyReader:
    """Reads nothing and says that more is to come: a file of these forms has bytes even without records."""

    def __init__(self, path: Path, start: int, known: Known) -> None:
        """Raises OffsetLost when records of it were read before."""
        if start:
            raise OffsetLost(
                f"{path} was read up to record {start}, but is empty: it was changed. Restore the file as it was, or "
                "start a new lake"
            )
        self.position = 0
        self.finished = True
        self.unfinished = True
        self._known = known

    @property
    def hint(self) -> dict[str, Any]:
        """That nothing of it was read."""
        return self._known.told()

    @property
    def content(self) -> str:
        """The same as JSON."""
        return self._known.text()

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """Nothing."""
        return None

    def confirm(self) -> None:
        """Nothing can have taken this input's place."""

    def lag(self) -> int | None:
        """Something is to come, nobody knows how much."""
        return 1

    def waiting(self) -> int | None:
        """There are no transactions here."""
        return None

    def close(self) -> None:
        """Nothing is held open."""
