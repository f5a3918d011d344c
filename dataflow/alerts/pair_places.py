"""Where the events of absences stand that were told, and what was told last of each."""

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.codes import encode
from dataflow.columnar.types import Int64s, UInt8s
from dataflow.own_columns import EVENT_PLACE

_PARTITION, _OFFSET = (field.name for field in EVENT_PLACE)


class Places:
    """Places of events by source partition, which is a number, and offset; each with the number of a change."""

    def __init__(self, partitions: Int64s, offsets: Int64s, changes: Int64s) -> None:
        """Of a place that is there more than once, the largest change counts."""
        order = np.lexsort((changes, offsets, partitions))
        partitions, offsets, changes = partitions[order], offsets[order], changes[order]
        last = np.ones(len(order), np.bool_)
        last[:-1] = (partitions[1:] != partitions[:-1]) | (offsets[1:] != offsets[:-1])
        partitions, self._offsets, self._changes = partitions[last], offsets[last], changes[last].astype(np.uint8)
        self._spans = {
            number: (int(np.searchsorted(partitions, number)), int(np.searchsorted(partitions, number, "right")))
            for number in np.unique(partitions).tolist()
        }

    @classmethod
    def none(cls) -> "Places":
        """Nothing was told."""
        return cls(*(np.empty(0, np.int64) for _ in range(3)))

    @classmethod
    def told(cls, changes: pa.Table, side: str, number: Callable[[str], int]) -> "Places":
        """Of rows of ALERT_SCHEMA of one rule, as `changes_of` makes them, those of that side's events.

        `number` gives the number of a source partition.
        """
        if changes.num_rows == 0:
            return cls.none()
        name, values = f'"{side}_{_PARTITION}"', changes.column("values").combine_chunks()
        pattern = rf'^\{{{name}: (?P<name>"(?:[^"\\]|\\.)*"), "{side}_{_OFFSET}": (?P<offset>-?[0-9]+)[,}}]'
        found = pc.extract_regex(values, pattern)
        assert found.null_count == 0, "the values of an absence begin with its event's place"
        names = encode(pc.struct_field(found, [0]))
        numbers = np.array([number(json.loads(text)) for text in names.values.to_pylist()], np.int64)
        offsets = pc.struct_field(found, [1]).cast(pa.int64()).to_numpy()
        return cls(numbers[names.of_row], offsets, changes.column("change").to_numpy())

    def changes_at(self, partitions: Int64s, offsets: Int64s) -> UInt8s:
        """The number of the change of each of these places; 0 where it is not known."""
        found = np.zeros(len(offsets), np.uint8)
        for number, (low, high) in self._spans.items():
            here = np.flatnonzero(partitions == number)
            known = self._offsets[low:high]
            place = np.searchsorted(known, offsets[here])
            hit = place < len(known)
            hit[hit] = known[place[hit]] == offsets[here[hit]]
            found[here[hit]] = self._changes[low:high][place[hit]]
        return found
