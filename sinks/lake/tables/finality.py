"""Which windows are closed and which are final: the one rule, for values and, side by side, as SQL over the ledger.

A window is closed when the frontier has reached its last millisecond, final when it is `allowed_lateness` further.
The frontier is the smallest watermark of the active source partitions. A partition is active while its newest ledger
row with records (without one: its first row) is younger than the idle timeout. To be read to its end says nothing: the
next run may read on. Only the row of a run with --final says that nothing comes after its end: such a partition holds
nothing back until a row goes further. Where no partition is active, the furthest of those that are not final decides;
where all are, everything is final.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from dataflow.pipeline.names import LEDGER

EVER_MS = 10**30
"""Further than any time in ms; as HUGEINT in SQL."""

PLACE_SQL = "end_offset::HUGEINT * 2 + coalesce(final, false)::INTEGER"
"""A ledger row's place in its partition and whether nothing comes after it, as one number. Taking the largest needs one
pass without sorting, and the ledger is the table that only grows. Rows before `final` was there have null in it."""

FINAL_SQL = f"(max({PLACE_SQL}) % 2 = 1)"
"""Of a partition's ledger rows: whether one that reaches as far as any says that nothing comes after it."""

SINCE_US_SQL = 'epoch_us(coalesce(max(committed_at) FILTER ("read" > 0), min(committed_at)))'
"""Of a partition's ledger rows: when it last had records, or was first there."""


class Standing(Protocol):
    """What the rule asks of a source partition: `watermark_ms` is None before its first valid event."""

    @property
    def watermark_ms(self) -> int | None:
        """Its watermark after its last row."""
        ...

    @property
    def active(self) -> bool:
        """Whether it has had records within the idle timeout."""
        ...

    @property
    def final(self) -> bool:
        """Whether a run with --final has read it to its end, and nothing has come after it since."""
        ...


Stood = TypeVar("Stood", bound=Standing)


class Stand(NamedTuple):
    """A `Standing` and no more."""

    watermark_ms: int | None
    active: bool
    final: bool


def watermark_ms(newest_ms: int | None, out_of_orderness_ms: int) -> int | None:
    """The watermark after a row whose event time is the largest so far."""
    return None if newest_ms is None else newest_ms - out_of_orderness_ms


def is_active(since_us: int, now_us: int, idle_timeout_ms: int) -> bool:
    """Whether a partition that last had records at `since_us` is active at `now_us`."""
    return since_us > now_us - idle_timeout_ms * 1000


def reached_ms(partition: Standing) -> int:
    """The partition's watermark; -EVER_MS before its first valid event."""
    return -EVER_MS if partition.watermark_ms is None else partition.watermark_ms


def deciding(partitions: Sequence[Stood]) -> list[Stood]:
    """The partitions that hold the frontier: the active ones, else the furthest, else (all are final) none."""
    going_on = [each for each in partitions if not each.final]
    active = [each for each in going_on if each.active]
    if active or not going_on:
        return active
    return [max(going_on, key=reached_ms)]


def frontier_ms(partitions: Sequence[Standing]) -> int:
    """The watermark that decides; EVER_MS where nothing holds a window, -EVER_MS where every window is held."""
    return min(map(reached_ms, deciding(partitions)), default=EVER_MS)


def watermark_sql(out_of_orderness_ms: int, *, told: bool = True) -> str:
    """Of a partition's ledger rows: its watermark after the last one (HUGEINT ms), null before its first valid event.

    A row says where the watermark was, by the rules that held. Rows of earlier versions do not, which is told by their
    rules: for them it follows from the largest event time, by the `out_of_orderness_ms` that held then. Where the
    ledger has no such columns at all, not `told`, all rows are of that kind.
    """
    untold = f"max_event_time::HUGEINT - {out_of_orderness_ms}"
    return f"max(CASE WHEN out_of_orderness_ms IS NULL THEN {untold} ELSE watermark END)" if told else f"max({untold})"


def frontier_sql(out_of_orderness_ms: int, idle_timeout_ms: int) -> str:
    """`frontier_ms` of the ledger as it is now: one row, one column `frontier` (HUGEINT ms).

    `out_of_orderness_ms` is that of rows of earlier versions, as in `watermark_sql`.
    """
    return f"""SELECT CASE WHEN count(*) FILTER (NOT ended) = 0 THEN {EVER_MS}::HUGEINT
  WHEN count(*) FILTER (active AND NOT ended) > 0 THEN min(watermark) FILTER (active AND NOT ended)
  ELSE max(watermark) FILTER (NOT ended) END AS frontier
FROM (
  SELECT coalesce({watermark_sql(out_of_orderness_ms)}, -{EVER_MS}::HUGEINT) AS watermark,
    {SINCE_US_SQL}
      > epoch_us(now()) - {idle_timeout_ms * 1000} AS active,
    {FINAL_SQL} AS ended
  FROM {LEDGER}
  GROUP BY "partition"
) AS partitions"""


def needed_ms(window_end_ms: int, allowed_lateness_ms: int = 0) -> int:
    """The frontier that makes a window final; without allowed lateness: that closes it."""
    return window_end_ms - 1 + allowed_lateness_ms


def needed_sql(window_end: str, allowed_lateness_ms: int = 0) -> str:
    """`needed_ms` (HUGEINT) of a TIMESTAMP expression."""
    return f"epoch_ms({window_end})::HUGEINT - 1 + {allowed_lateness_ms}"
