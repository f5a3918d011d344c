"""The memory that the compiled pass over JSON records writes to, and the columns that it holds then."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.types import Doubles, Int32s, Int64s, UInt8s, Values
from dataflow.decode.amounts import MONEY
from dataflow.decode.json import plain_layout as layout
from dataflow.decode.json.columns import NULL, ManyValues
from dataflow.decode.json.plain_table import Table
from dataflow.decode.limits import Marks, mark_patterns
from dataflow.event.annotations import COMPARE
from dataflow.event.fields import TimeUnit
from dataflow.event.schema import EventField
from dataflow.zones import zone_of

_FIRST_TEXT_BYTES = 16
_MOST_TEXT_BYTES = 2**31 - 1
_TYPES = {
    layout.TEXT: np.uint8, layout.JSON: np.uint8, layout.BOOL: np.uint8, layout.INT: np.int64, layout.FLOAT: np.float64,
    layout.MONEY: np.int64, layout.AMOUNT: np.int64, layout.DATE: np.int32, layout.TIME: np.int64,
}  # fmt: skip


class Outputs:
    """Room for the columns of one poll. `values`, `ends` (of texts) and `there` by node; `places` for the layout."""

    def __init__(self, kinds: list[int], rows: int, room: Int64s) -> None:
        """`room` is in bytes of text, by node."""
        self._rows = rows
        self.there: UInt8s = np.empty((len(kinds), rows), np.uint8)
        self.values: dict[int, Values] = {}
        self.ends: dict[int, Int32s] = {}
        self.places: Int64s = np.zeros((len(kinds), layout.OUTPUT_BYTES // 8), np.int64)
        for node, kind in enumerate(kinds):
            if kind == layout.OBJECT:
                continue
            size = rows
            if kind in (layout.TEXT, layout.JSON):
                self.ends[node] = np.empty(rows + 1, np.int32)
                self.ends[node][0] = 0
                self._put(node, layout.ENDS, self.ends[node].ctypes.data)
                size = int(room[node])
                self._put(node, layout.ROOM, size)
            elif kind in (layout.MONEY, layout.AMOUNT):
                size = 2 * rows
            self.values[node] = np.empty(size, _TYPES[kind])
            self._put(node, layout.VALUES, self.values[node].ctypes.data)
            self._put(node, layout.THERE, self.there[node].ctypes.data)

    def _put(self, node: int, column: int, value: int) -> None:
        self.places[node, column // 8] = value

    def grow(self, node: int, row: int, good: int, wanted: int) -> bool:
        """More room for a column of texts: at `row` of the poll, it wants as many bytes more; False if it cannot be."""
        used = int(self.ends[node][good])
        least = used + wanted + 2 * SPARE_BYTES
        if least > _MOST_TEXT_BYTES:
            return False
        guess = least * self._rows // (row + 1)
        size = min(max(least, min(guess + guess // 8, 4 * least)), _MOST_TEXT_BYTES)
        larger = np.empty(size, np.uint8)
        larger[:used] = self.values[node][:used]
        self.values[node] = larger
        self._put(node, layout.VALUES, larger.ctypes.data)
        self._put(node, layout.ROOM, size)
        return True


class Columns:
    """Makes room for a schema's columns, as much as the polls before needed, and Arrow's arrays of what is in it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._kinds = [int(kind) for kind in table.nodes[:, layout.KIND // 8]]
        self._text_bytes = np.full(len(self._kinds), float(_FIRST_TEXT_BYTES))
        self._zones = {
            at: zone_of(leaf.text.zone)
            for leaf, at in zip(table.leaves, table.at, strict=True)
            if leaf.text is not None and leaf.text.zone is not None
        }

    def outputs(self, rows: int) -> Outputs:
        """Room for a poll."""
        room = (self._text_bytes * 1.125 * rows).astype(np.int64) + 8 * SPARE_BYTES
        return Outputs(self._kinds, rows, np.minimum(room, _MOST_TEXT_BYTES))

    def arrays(self, outputs: Outputs, good: int, marks: Marks) -> list[pa.Array]:
        """The first `good` rows of each field's column; marks those that may break its rules."""
        for node, ends in outputs.ends.items():
            # a little less each time, so that one poll of long texts is forgotten
            self._text_bytes[node] = max(float(ends[good]) / good, self._text_bytes[node] * 0.9, 1.0)
        fields = zip(self._table.leaves, self._table.at, range(len(self._table.at)), strict=True)
        return [self._array(leaf, node, f, outputs, good, marks) for leaf, node, f in fields]

    def _array(self, leaf: EventField, node: int, f: int, outputs: Outputs, good: int, marks: Marks) -> pa.Array:
        there, values, kind = outputs.there[node, :good], outputs.values[node], self._kinds[node]
        nulls = None if not leaf.nullable or there.all() else there == 0
        bits = None if nulls is None else pa.py_buffer(np.packbits(there, bitorder="little"))
        if kind in (layout.TEXT, layout.JSON):
            ends = outputs.ends[node][: good + 1]
            if kind == layout.JSON:
                return ManyValues(leaf)(list(_pieces(values, ends, nulls)), marks)
            used = int(ends[-1])
            values[used : used + SPARE_BYTES] = 0
            buffers = [bits, pa.py_buffer(ends), pa.py_buffer(values[: used + SPARE_BYTES])]
            column = pa.Array.from_buffers(pa.string(), good, buffers)
            if leaf.constraints.patterns and leaf.adapter is not None:
                mark_patterns(leaf.adapter, column, marks)
            return column
        if kind == layout.BOOL:
            packed = np.packbits(values[:good], bitorder="little")
            return pa.Array.from_buffers(pa.bool_(), good, [bits, pa.py_buffer(packed)])
        if kind in (layout.MONEY, layout.AMOUNT):
            values = values[: 2 * good]
            self._mark_steps(f, values[::2], nulls, marks)
            return pa.Array.from_buffers(MONEY, good, [bits, pa.py_buffer(values)])
        values = values[:good]
        if kind == layout.FLOAT:
            _mark_floats(leaf, values, nulls, marks)
        elif kind == layout.TIME:
            self._settle_local_times(leaf, node, values, there == layout.ZONELESS, marks)
        else:
            self._mark_steps(f, values, nulls, marks)
            if leaf.unit not in (None, TimeUnit.MILLIS):
                assert leaf.unit is not None
                values = leaf.unit.to_ms(values)
        return pa.Array.from_buffers(leaf.type, good, [bits, pa.py_buffer(values)])

    def _mark_steps(self, f: int, numbers: Int64s, nulls: Marks | None, marks: Marks) -> None:
        rule = self._table.rules[f]
        if rule is not None and rule.steps:
            rule.mark(numbers, nulls, marks)

    def _settle_local_times(self, leaf: EventField, node: int, times: Int64s, local: Marks, marks: Marks) -> None:
        if node not in self._zones or not local.any():
            return
        assert leaf.text is not None
        times[local] = self._zones[node].instant(times[local])
        first_ms, last_ms = leaf.text.bounds
        marks |= local & ((times < first_ms) | (times > last_ms))


def _pieces(values: UInt8s, ends: Int32s, nulls: Marks | None) -> Iterable[object]:
    whole, places = values[: int(ends[-1])].tobytes(), ends.tolist()
    for at in range(len(places) - 1):
        yield NULL if nulls is not None and nulls[at] else whole[places[at] : places[at + 1]]


def _mark_floats(leaf: EventField, numbers: Doubles, nulls: Marks | None, marks: Marks) -> None:
    for comparison, bound in leaf.constraints.bounds:
        fine = COMPARE[comparison](numbers, float(bound))
        marks |= ~fine if nulls is None else ~(fine | nulls)
