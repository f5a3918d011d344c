"""JSON records to event columns: a compiled pass over the plain ones, the general decoder for all others."""

import threading
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dataflow.columnar.loops import loops
from dataflow.columnar.types import Int64s
from dataflow.decode.json import plain_layout as layout
from dataflow.decode.json.contract import judge_record
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain_columns import Columns, Outputs
from dataflow.decode.json.plain_table import Table, UnknownValueError
from dataflow.event.fields import INT64_MAX
from dataflow.event.schema import EventSchema
from dataflow.logs import logger
from dataflow.messages import Decoded, Refusal

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

_POLLS_OF_REST = 16
"""Polls that go straight to the general decoder after one of mostly odd records."""
_FEW_RECORDS = 64
_PATIENCE_S = 3.0
"""A kernel that was compiled before is there sooner than that."""
_asking = threading.Lock()


def json_decoder(
    schema: EventSchema, max_record_bytes: int | None = None, *, at_once: bool = False
) -> "PlainDecoder | JsonDecoder":
    """The fastest decoder for a schema; what it accepts and what it says are the contract's, whichever it is.

    `at_once`: the kernel is not waited for where it has to be compiled; the general decoder does its work meanwhile.
    """
    careful = JsonDecoder(schema, max_record_bytes)
    try:
        table, kernel = Table(schema), _kernel()
        if not at_once or _is_there_soon(kernel):
            kernel.result()
        return PlainDecoder(table, kernel, careful, schema, max_record_bytes)
    except (UnknownValueError, ImportError):
        return careful


def _kernel() -> "Future[Compiled]":
    """The kernel, made once a process on a thread of its own, which the process waits for at its end."""
    # workers ask side by side, and a cache alone would let each of them begin
    with _asking:
        return _begun()


@cache
def _begun() -> "Future[Compiled]":
    made: Future[Compiled] = Future()
    threading.Thread(target=_make, args=(made,), name="kernel").start()
    return made


def _make(made: "Future[Compiled]") -> None:
    try:
        (parse,) = loops("decode/json/plain_kernel")
        made.set_result(parse)
    except BaseException as problem:
        made.set_exception(problem)


def _is_there_soon(kernel: "Future[Compiled]") -> bool:
    try:
        kernel.exception(_PATIENCE_S)
    except TimeoutError:
        _tell_of_compiling()
        return False
    return True


@cache
def _tell_of_compiling() -> None:
    logger("run").info("the decoder is being compiled, once on this machine: records are read more slowly meanwhile")


class PlainDecoder:
    """Decodes as `JsonDecoder`, only faster; pure, but for a rest that it takes where most records are not plain."""

    def __init__(
        self,
        table: Table,
        kernel: "Future[Compiled]",
        careful: JsonDecoder,
        schema: EventSchema,
        max_record_bytes: int | None,
    ) -> None:
        self._kernel = kernel
        self._parse = kernel.result() if kernel.done() else None
        self._table = table
        self._columns = Columns(table)
        self._careful = careful
        self._schema = schema
        self._record_limit = max_record_bytes
        self._max_bytes = INT64_MAX if max_record_bytes is None else max_record_bytes
        self._rest = 0
        # what followed what in the records before: a guess, checked each time
        self._order = np.zeros((len(table.nodes), 2), np.int64)
        self._missed = self._path = 0
        self._spans = np.zeros(4 * len(table.nodes) + 64, np.int64)

    def decode(self, values: pa.Array) -> Decoded:
        """As `JsonDecoder.decode`."""
        rows = len(values)
        if rows == 0 or self._rest or not self._is_ready():
            self._rest = max(0, self._rest - 1)
            return self._careful.decode(values)
        if values.type not in (pa.binary(), pa.binary_view()):
            values = values.cast(pa.binary())
        outputs = self._columns.outputs(rows)
        good_at, odd_at = np.empty(rows, np.int64), np.empty(rows, np.int64)
        good = self._run(values, outputs, good_at, odd_at)
        if good < rows // 2:
            self._rest = _POLLS_OF_REST
        if good <= 0:
            return self._careful.decode(values)
        good_at, odd_at = good_at[:good], odd_at[: rows - good]
        marks = np.zeros(good, np.bool_)
        columns = self._columns.arrays(outputs, good, marks)
        events = pa.RecordBatch.from_arrays(columns, schema=self._schema.arrow)
        if marks.any():
            odd_at = np.sort(np.concatenate([odd_at, good_at[marks]]))
            events, good_at = events.filter(pa.array(~marks)), good_at[~marks]
        if len(odd_at) == 0:
            return Decoded(events, good_at, odd_at, [])
        odd = _taken(values, odd_at)
        decoded = self._judge_each(odd) if len(odd) <= _FEW_RECORDS else self._careful.decode(odd)
        return _joined(events, good_at, decoded, odd_at)

    def _is_ready(self) -> bool:
        if self._parse is None and self._kernel.done():
            self._parse = self._kernel.result()
        return self._parse is not None

    def _run(self, values: pa.Array, outputs: Outputs, good_at: Int64s, odd_at: Int64s) -> int:
        """How many records are plain; below 0 where a column's texts are too long for it."""
        table, rows = self._table, len(values)
        seen, short = np.zeros(len(table.every), np.int64), np.zeros(4 * layout.SHORTEST_RECORD, np.uint8)
        frame = np.zeros(layout.FRAME_COLUMNS, np.int64)

        def put(column: int, value: int) -> None:
            frame[column // 8] = value

        buffers = values.buffers()
        if pa.types.is_binary(values.type):
            put(layout.DATA, _address(buffers[2]))
            put(layout.VALUE_ENDS, _address(buffers[1]) + 4 * values.offset)
            bases = np.zeros(1, np.int64)
        else:
            put(layout.VIEWS, _address(buffers[1]) + 16 * values.offset)
            bases = np.array([_address(buffer) for buffer in buffers[2:]] or [0], np.int64)
        put(layout.BASES, bases.ctypes.data)
        valid = values.is_valid().to_numpy(zero_copy_only=False) if values.null_count else None
        put(layout.VALID, 0 if valid is None else valid.ctypes.data)
        put(layout.ROWS, rows)
        put(layout.MOST_BYTES, self._max_bytes)
        put(layout.SHORT, short.ctypes.data)
        put(layout.GOOD_AT, good_at.ctypes.data)
        put(layout.ODD_AT, odd_at.ctypes.data)
        put(layout.NODES, table.nodes.ctypes.data)
        put(layout.COUNT, len(table.nodes))
        put(layout.NAMES, table.names.ctypes.data)
        put(layout.NAMES_MASK, len(table.names) - 1)
        put(layout.POOL, table.pool.ctypes.data)
        put(layout.DEFAULT_TABLE, table.defaults.ctypes.data)
        put(layout.ORDER, self._order.ctypes.data)
        put(layout.SEEN, seen.ctypes.data)
        put(layout.EVERY, table.every.ctypes.data)
        put(layout.WORDS, len(table.every))
        put(layout.OUTPUTS, outputs.places.ctypes.data)
        put(layout.SPANS, self._spans.ctypes.data)
        put(layout.KEYS, 0 if table.keys is None else table.keys.ctypes.data)
        put(layout.KEYS_MASK, 0 if table.keys is None else len(table.keys) - 1)
        put(layout.MISSED, self._missed)
        put(layout.PATH, self._path)
        assert self._parse is not None, "asked only once it is there"
        while not self._parse(frame.ctypes.data):
            row, good, node, wanted = (
                int(frame[column // 8]) for column in (layout.ROW, layout.GOOD, layout.FULL, layout.WANTED)
            )
            if not outputs.grow(node, row, good, wanted):
                return -1
        self._missed, self._path = int(frame[layout.MISSED // 8]), int(frame[layout.PATH // 8])
        return int(frame[layout.GOOD // 8])

    def _judge_each(self, values: pa.Array) -> Decoded:
        """By the contract itself: for a few records that is less work than columns are."""
        verdicts = [judge_record(self._schema, value, self._record_limit) for value in values.to_pylist()]
        refused = np.array([isinstance(verdict, Refusal) for verdict in verdicts], np.bool_)
        rows = [verdict for verdict in verdicts if not isinstance(verdict, Refusal)]
        events = pa.RecordBatch.from_pylist(rows, schema=self._schema.arrow)
        refusals = [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
        return Decoded(events, np.flatnonzero(~refused), np.flatnonzero(refused), refusals)


def _address(buffer: pa.Buffer | None) -> int:
    return 0 if buffer is None else buffer.address


def _taken(values: pa.Array, at: Int64s) -> pa.Array:
    if pa.types.is_binary(values.type):
        return values.take(pa.array(at))
    # Arrow cannot pick views
    return pa.array([values[each].as_py() for each in at.tolist()], pa.binary())


def _joined(events: pa.RecordBatch, events_at: Int64s, odd: Decoded, odd_at: Int64s) -> Decoded:
    """The plain rows and what became of all others, in the order of the poll."""
    dead_at = odd_at[odd.dead_at]
    if len(odd.events_at) == 0:
        return Decoded(events, events_at, dead_at, odd.refusals)
    at = np.concatenate([events_at, odd_at[odd.events_at]])
    order = np.argsort(at, kind="stable")
    together = pa.concat_batches([events, odd.events]).take(pa.array(order))
    return Decoded(together, at[order], dead_at, odd.refusals)
