"""Avro records to event columns, a poll at once: which records the compiled reader takes, and by which program."""

import threading
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.decode.avro.decoder import Writers, bare_avro, framed_avro, record_schema
from dataflow.decode.avro.reader import Aliases
from dataflow.decode.binary.decoder import FEWEST, ColumnDecoder, Raw, Reader
from dataflow.decode.binary.frames import Group, groups_of
from dataflow.decode.binary.slots import Unfit
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import EventSchema
from dataflow.formats.avro import AvroType
from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import Schemas
from dataflow.messages import Refusal

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

_compiling = threading.Lock()


@cache
def _kernels() -> "tuple[Compiled, Compiled]":
    from dataflow.columnar import text_kernel
    from dataflow.decode.avro import kernel

    return kernel.compiled(), text_kernel.compiled()


def load() -> "tuple[Compiled, Compiled]":
    """The kernels, ready to run; takes some seconds where nothing is cached. Raises ImportError without numba."""
    with _compiling:
        return _kernels()


def bare_avro_columns(
    schema: EventSchema, max_record_bytes: int | None, text: str, aliases: Aliases
) -> ColumnDecoder | RowDecoder:
    """As `bare_avro`, only faster."""
    rows = bare_avro(schema, max_record_bytes, text, aliases)
    reader = reader_of(schema, record_schema(text), aliases)
    if reader is None:
        return rows

    def find(raw: Raw, _headers: pa.Array | None) -> list[tuple[Reader, Group]]:
        starts, ends = raw.ends[raw.at].astype(np.int64), raw.ends[raw.at + 1].astype(np.int64)
        return [(reader, Group(None, raw.at, starts, ends))]

    return ColumnDecoder(rows, find, max_record_bytes)


def framed_avro_columns(
    schema: EventSchema, max_record_bytes: int | None, schemas: Schemas, aliases: Aliases
) -> ColumnDecoder:
    """As `framed_avro`, only faster."""
    writers = Writers(schemas)
    known: dict[SchemaKey, Reader | None] = {}

    def find(raw: Raw, headers: pa.Array | None) -> list[tuple[Reader, Group]]:
        found = []
        for group in groups_of(raw.data, raw.ends, raw.at, headers):
            if group.key is None or len(group.at) < FEWEST:
                continue
            if group.key not in known:
                writer = writers.find(group.key)
                known[group.key] = None if isinstance(writer, Refusal) else reader_of(schema, writer, aliases)
            reader = known[group.key]
            if reader is not None:
                found.append((reader, group))
        return found

    return ColumnDecoder(framed_avro(schema, max_record_bytes, writers, aliases), find, max_record_bytes)


def reader_of(schema: EventSchema, writer: AvroType, aliases: Aliases) -> Reader | None:
    """The compiled reader of a writer's schema; None where its records are read one by one (see `Program`)."""
    try:
        parse, texts = load()
        from dataflow.decode.avro.program import Program

        program = Program(writer, schema, aliases)
    except (Unfit, ImportError):
        return None
    pool = np.frombuffer(bytes(program.pool) + bytes(SPARE_BYTES), np.uint8)
    tables = program.steps, program.choices, pool.ctypes.data
    return Reader(schema, program.leaves, lambda records, into: int(parse(*records, *tables, *into)), pool, texts)
