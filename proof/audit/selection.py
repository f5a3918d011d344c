"""Which part of a lake an audit or a replay is asked for."""

from dataclasses import dataclass
from datetime import datetime

from proof.audit.ledger import Segment
from query.moment import to_ms


@dataclass(frozen=True, slots=True)
class Selection:
    """What to audit: one source partition or all, offsets [start, end), commits of [since, until). None = no limit."""

    partition: str | None = None
    start: int | None = None
    end: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """No limit at all."""
        return self == Selection()

    def takes(self, segment: Segment) -> bool:
        """Whether a ledger range has a part of what was selected."""
        if self.partition not in (None, segment.partition):
            return False
        if (self.start is not None and segment.end <= self.start) or (
            self.end is not None and segment.start >= self.end
        ):
            return False
        if segment.line is None:
            return self.since is None and self.until is None
        at_ms = segment.line.committed_at_ms
        return (self.since is None or at_ms >= to_ms(self.since)) and (self.until is None or at_ms < to_ms(self.until))
