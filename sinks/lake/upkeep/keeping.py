"""How long each table stays: by which time of its rows, counted back from the event time that the lake has reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dataflow.pipeline.names import ALERT_CHANGES, ALERTS, DEAD_LETTERS, EVENTS, LATE_EVENTS, LEDGER
from sinks.lake.catalog.left import Left, Seen
from sinks.lake.tables.definition import Definition
from sinks.lake.tables.finality import EVER_MS, Stand, frontier_ms, is_active, reached_ms, watermark_ms

SLOTS = 16
"""What is kept leaves in so many steps: files are not merged across them, so a file leaves a step late at most."""

_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long one rollup or row table stays.

    `tables` are those that leave together, `column` is the time that decides; without one, as of dead letters, which
    have no event time, a row counts with the largest event time that the ledger knows of its commit and those before.
    `is_rollup`: its view hides the windows that have left, as those of rollups and alerts do.
    """

    name: str
    tables: tuple[str, ...]
    column: str | None
    keep_ms: int
    is_rollup: bool = False
    merges_windows: bool = False

    @property
    def slot_ms(self) -> int:
        """The step in which it leaves."""
        return max(1, self.keep_ms // SLOTS)

    def before_ms(self, seen: Sequence[Seen], out_of_orderness_ms: int) -> int | None:
        """Up to which time it may leave by now; None before there is any event time."""
        reached = now_ms(seen, out_of_orderness_ms, self.keep_ms)
        return None if reached is None else (reached - self.keep_ms) // self.slot_ms * self.slot_ms


def keeps_of(definition: Definition) -> list[Keep]:
    """What of a lake leaves some day."""
    columns = {EVENTS: definition.event_time, LATE_EVENTS: "watermark", DEAD_LETTERS: None}
    found: list[Keep] = []
    for name, keep_ms in sorted(definition.keep_ms.items()):
        rollup = definition.by_name.get(name)
        if rollup is not None:
            sides = [f"{name}_{each.name}_distinct" for each in rollup.aggregates if each.known.keeps_values]
            tables = (f"{name}_delta", *sides)
            found.append(Keep(name, tables, "window_end", keep_ms, True, rollup.merges_windows))
        elif name == ALERTS:
            found.append(Keep(name, (ALERT_CHANGES,), "window_end", keep_ms, is_rollup=True))
        elif name in columns and (name != EVENTS or columns[name] is not None):
            found.append(Keep(name, (name,), columns[name], keep_ms))
    return found


def now_ms(seen: Sequence[Seen], out_of_orderness_ms: int, patience_ms: int) -> int | None:
    """The event time that the lake has reached, from which retention counts back; None before the first event.

    It is the watermark that decides what is final, with one difference: a source partition without records holds it
    back for `patience_ms`, how long things are kept, and not for the idle timeout alone, since what it brings when it
    wakes up would find its windows gone. And however much has ended, it is never beyond the furthest watermark. No
    clock is asked: how long a partition has been silent is told by what the others brought meanwhile.
    """
    newest_us = max((each.since_ms or 0 for each in seen), default=0) * 1000
    stands = [
        Stand(
            watermark_ms(each.max_event_time_ms, out_of_orderness_ms),
            each.since_ms is None or is_active(each.since_ms * 1000, newest_us, patience_ms),
            each.finished,
        )
        for each in seen
    ]
    furthest = max(map(reached_ms, stands), default=-EVER_MS)
    reached = min(frontier_ms(stands), furthest)
    return None if reached <= -EVER_MS else reached


@dataclass(frozen=True, slots=True)
class Slots:
    """Into which steps of time the files of one table fall.

    `until_ms`: a later time is one from the future. `since_ms`: what lies before is one step, for a table that only
    tells the time of another's rows, and itself stays.
    """

    column: str | None
    slot_ms: int
    until_ms: int
    since_ms: int | None = None

    def numbers(self, latest_ms: Sequence[int | None]) -> list[int]:
        """The slot of each file, of files in row order by their latest time: no less than that of the file before.

        So neighbours stay neighbours however source partitions alternate, and one event from the future moves none.
        """
        numbers: list[int] = []
        for latest in latest_ms:
            before = numbers[-1] if numbers else None
            if latest is None or latest > self.until_ms:
                numbers.append(0 if before is None else before)
            else:
                own = (latest if self.since_ms is None else max(latest, self.since_ms - 1)) // self.slot_ms
                numbers.append(own if before is None else max(before, own))
        return numbers


def slots_of(keeps: Sequence[Keep], gone: Mapping[str, Left], now: datetime) -> dict[str, Slots]:
    """The slots of each table that leaves some day, and of the ledger if it tells the time of another's rows.

    `gone`: what has left so far.
    """
    wall_ms = (now.replace(tzinfo=None) - _EPOCH) // timedelta(milliseconds=1)
    found = {table: Slots(keep.column, keep.slot_ms, wall_ms + keep.keep_ms) for keep in keeps for table in keep.tables}
    for keep in keeps:
        if keep.column is None:
            since_ms = gone[keep.name].before_ms if keep.name in gone else None
            found[LEDGER] = Slots("max_event_time", keep.slot_ms, wall_ms + keep.keep_ms, since_ms)
    return found
