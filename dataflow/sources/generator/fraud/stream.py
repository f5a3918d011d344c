"""The whole stream: honest people and fraudsters beside each other, in the order in which their events arrive."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dataflow.columnar.types import Int64s
from dataflow.sources.generator.fraud.draws import Draws
from dataflow.sources.generator.fraud.event import Event, record
from dataflow.sources.generator.fraud.honest import honest
from dataflow.sources.generator.fraud.schemes import schemes

DUPLICATES = 0.005
START_MS = 1_772_362_800_000
"""2026-03-01T11:00:00Z: within two hours of it lies a border of windows of any length that divides a day."""
LABELS = "event_id,kind,scheme"
"""The first line of a file of labels."""


@dataclass(frozen=True)
class FraudStream:
    """Ad events of `minutes`, of honest people about `rate` a second, and of schemes of every kind of fraud.

    A pure function of its fields. The server hears of an event up to 60 ms after the device's clock; it arrives within
    a second of that, one of a hundred up to 20 s later; one of two hundred arrives twice. Records stand in
    `partitions` source partitions by their users, in the order in which they arrived. Labels are no part of a record.
    """

    seed: int = 0
    start_ms: int = START_MS
    minutes: int = 120
    rate: float = 15.0
    partitions: int = 1

    @cached_property
    def events(self) -> list[Event]:
        """All events, as they arrive; those that arrive twice are there twice."""
        acts = [*honest(self.seed, self.start_ms, self.minutes, self.rate)]
        acts += schemes(self.seed, self.start_ms, self.minutes)
        # by time alone, so that an id tells nothing of who is behind it
        acts.sort(key=lambda act: act.at_ms)
        draws = Draws(self.seed, "delivery")
        found = []
        for act in acts:
            event_id = f"{draws.whole(0, 1 << 48):012x}"
            heard_ms = act.at_ms + draws.whole(5, 60)
            late_ms = draws.whole(1_000, 20_000) if draws.happens(0.01) else 0
            value = record(event_id, act, heard_ms)
            arrivals = [heard_ms + draws.skewed(1, 1_000) + late_ms]
            if draws.happens(DUPLICATES):
                arrivals.append(arrivals[0] + draws.whole(1, 5_000))
            found += [Event(at_ms, value, event_id, act.user, act.kind, act.scheme) for at_ms in arrivals]
        return sorted(found, key=lambda event: (event.arrived_ms, event.event_id))

    def labels(self) -> Iterable[str]:
        """Lines of the file of labels: each event that is fraud once, its kind and the number of its scheme."""
        yield LABELS
        known = set()
        for event in self.events:
            if event.kind is not None and event.event_id not in known:
                known.add(event.event_id)
                yield f"{event.event_id},{event.kind},{event.scheme}"

    def share(self, partition: int) -> float:
        """The part of all records that `partition` gets."""
        return len(self._parts[partition]) / len(self.events)

    def counts(self, total: int) -> list[int]:
        """Of the first `total` records, how many each partition gets."""
        found = [0] * self.partitions
        for event in self.events[:total]:
            found[event.user % self.partitions] += 1
        return found

    def timestamps(self, partition: int, start: int, count: int) -> Int64s:
        """Record timestamps (ms since 1970, ascending) of offsets [start, start + count), as far as there are any."""
        part = self._parts[partition][start : start + count]
        return np.array([event.arrived_ms for event in part], np.int64)

    def records(self, partition: int, start: int, count: int) -> list[tuple[int, bytes]]:
        """(record timestamp, value) of offsets [start, start + count)."""
        return [(event.arrived_ms, event.value) for event in self._parts[partition][start : start + count]]

    @cached_property
    def _parts(self) -> list[list[Event]]:
        found: list[list[Event]] = [[] for _ in range(self.partitions)]
        for event in self.events:
            found[event.user % self.partitions].append(event)
        return found
