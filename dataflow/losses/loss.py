"""Many records that do not count, as log and doctor tell of them: how many, of what kind, an example, the cause."""

from dataclasses import dataclass
from typing import Literal

from dataflow.event.schema import EventSchema
from dataflow.losses.cause import Cause
from dataflow.losses.dead import dead_cause
from dataflow.losses.late import late_cause
from dataflow.losses.shown import shown
from dataflow.losses.time_unit import unit_cause
from dataflow.spoken import moment, span

KEPT_BYTES = 64 * 1024
"""Of a dead letter that serves as the example: more than enough to tell what is wrong with it."""

Sort = Literal["dead", "late", "time"]

_SAID: dict[Sort, str] = {
    "dead": "are dead letters",
    "late": "are late for every rollup that takes them",
    "time": "have an event time that looks like one of another unit",
}
_COMMONEST = "SELECT reason, field, message, count(*) FROM dead_letters GROUP BY ALL ORDER BY 4 DESC LIMIT 10"
_LOST_SHARE = 10
"""More than one in so many is worth a word."""


def is_much(lost: int, read: int) -> bool:
    """True when more than a tenth of the records is lost."""
    return lost * _LOST_SHARE > read


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter; of a long value its beginning may do. `message` is the refusal's."""

    topic: str | None
    partition: str
    offset: int
    value: bytes | None
    message: str


@dataclass(frozen=True, slots=True)
class LateEvent:
    """One late event, all times in ms. `newest_ms` is the newest event time before it, None where not known."""

    topic: str | None
    partition: str
    offset: int
    event_time_ms: int
    newest_ms: int | None
    late_by_ms: int


@dataclass(frozen=True, slots=True)
class Loss:
    """So many of so many records, `commonest` of them for `reason` at `field`; `at` is one, shown in `example`."""

    sort: Sort
    lost: int
    of: int
    among: str
    reason: str
    field: str | None
    commonest: int
    at: DeadLetter | LateEvent
    example: str
    cause: Cause

    @property
    def said(self) -> str:
        """How many of how many, in one sentence without its full stop."""
        said = f"{self.lost:,} of {self.of:,} {self.among} {_SAID[self.sort]}"
        return f"{said}, {self.which}" if self.sort == "dead" else said

    @property
    def which(self) -> str:
        """The commonest reason and field of dead letters."""
        where = "" if self.field is None else f" at {self.field}"
        which = "all" if self.commonest == self.lost else f"{self.commonest:,}"
        return f"{which} of them {self.reason}{where}"

    @property
    def like(self) -> str:
        """The example, and what is likely wrong."""
        return f"like offset {self.at.offset} of {self.at.partition}: {self.example}. Likely: {self.cause.what}"

    def facts(self) -> dict[str, object]:
        """For a line of the log and the details of a finding; what is not known is left out."""
        known = {
            self.sort: self.lost,
            "of": self.of,
            "reason": self.reason,
            "field": self.field,
            "of_this_reason": self.commonest,
            "topic": self.at.topic,
            "partition": self.at.partition,
            "offset": self.at.offset,
            "example": self.example,
            "cause": self.cause.what,
        }
        return {name: value for name, value in known.items() if value is not None}


def dead_loss(
    lost: tuple[int, int],
    among: str,
    kind: tuple[str, str | None],
    commonest: int,
    example: DeadLetter,
    schema: EventSchema | None,
) -> Loss:
    """Dead letters: `lost` of how many, the commonest (reason, field), how often it is there, and one of these."""
    reason, field = kind
    cause = dead_cause(schema, reason, field, example.value)
    if cause is None:
        cause = Cause(
            example.message, f'see them: tidemill query "{_COMMONEST}"; then correct the producer or the model'
        )
    told = example.message if example.value is None else shown(example.value)
    return Loss("dead", *lost, among, reason, field, commonest, example, told, cause)


def late_loss(lost: tuple[int, int], among: str, example: LateEvent, schema: EventSchema | None) -> Loss:
    """Late events: `lost` of how many, and one of them."""
    cause = late_cause(schema, example.event_time_ms, example.newest_ms, example.late_by_ms)
    told = f"an event of {moment(example.event_time_ms)}, {span(example.late_by_ms)} too late"
    if example.newest_ms is not None:
        told += f", after one of {moment(example.newest_ms)}"
    field = None if schema is None else schema.event_time.name
    return Loss("late", *lost, among, "late", field, lost[0], example, told, cause)


def time_loss(lost: tuple[int, int], among: str, example: LateEvent, schema: EventSchema) -> Loss | None:
    """Events that were taken at a time that another unit explains; None where none does."""
    cause = unit_cause(schema.event_time, example.event_time_ms)
    if cause is None:
        return None
    told = f"an event of {moment(example.event_time_ms)}"
    return Loss("time", *lost, among, "time_unit", schema.event_time.name, lost[0], example, told, cause)
