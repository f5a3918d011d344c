"""What a run leaves in its recovery folder while its compactor does not work, for whoever examines it."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dataflow.durable import replace

NAME = "compaction.json"


@dataclass(frozen=True, slots=True)
class CompactionTrouble:
    """`failures` in a row since `since` (aware); `reason` is that of the last one."""

    reason: str
    failures: int
    since: datetime


class CompactionMark:
    """A small file, there from a failure until compaction works again. A hint only: losing it loses nothing.

    It means something only while a run holds the folder: a run that is killed leaves it behind.
    """

    def __init__(self, recovery: Path) -> None:
        self._path = recovery / NAME

    def write(self, reason: str, failures: int, since: datetime) -> None:
        """Set it; a disk that refuses is no reason to disturb the run."""
        text = json.dumps({"reason": reason, "failures": failures, "since": since.isoformat()})
        with suppress(OSError):
            replace(self._path, text, durable=False)

    def clear(self) -> None:
        """Compaction works."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def read(self) -> CompactionTrouble | None:
        """What was written last; None where nothing was, or nothing that can be read."""
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            return CompactionTrouble(str(told["reason"]), int(told["failures"]), datetime.fromisoformat(told["since"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
