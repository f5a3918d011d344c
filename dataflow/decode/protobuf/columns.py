"""Protobuf records to event columns, a poll at once: which records the compiled reader takes."""

import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.types import Bools, UInt8s
from dataflow.decode.binary.decoder import FEWEST, ColumnDecoder, Raw, Reader
from dataflow.decode.binary.frames import Group, groups_of
from dataflow.decode.binary.slots import Unfit
from dataflow.decode.protobuf.decoder import Known, protobuf_decoder
from dataflow.decode.protobuf.reader import Aliases
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import EventSchema
from dataflow.formats.protobuf import ProtobufMessage
from dataflow.formats.schemas import Schemas

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

_compiling = threading.Lock()


@cache
def _kernels() -> "tuple[Compiled, Compiled]":
    from dataflow.columnar import text_kernel
    from dataflow.decode.protobuf import kernel

    return kernel.compiled(), text_kernel.compiled()


def load() -> "tuple[Compiled, Compiled]":
    """The kernels, ready to run; takes some seconds where nothing is cached. Raises ImportError without numba."""
    with _compiling:
        return _kernels()


def protobuf_columns(
    schema: EventSchema,
    max_record_bytes: int | None,
    message: ProtobufMessage,
    aliases: Aliases,
    schemas: Schemas | None,
) -> ColumnDecoder | RowDecoder:
    """As `protobuf_decoder`, only faster."""
    known = None if schemas is None else Known(schemas)
    rows = protobuf_decoder(schema, max_record_bytes, message, aliases, known)
    reader = reader_of(schema, message, aliases)
    if reader is None:
        return rows
    return ColumnDecoder(rows, _finder(reader, known, _indexes(message)), max_record_bytes)


def _finder(
    reader: Reader, known: Known | None, indexes: list[bytes]
) -> Callable[[Raw, pa.Array | None], list[tuple[Reader, Group]]]:
    def find(raw: Raw, headers: pa.Array | None) -> list[tuple[Reader, Group]]:
        found = []
        for group in groups_of(raw.data, raw.ends, raw.at, headers):
            if group.key is None:
                if known is None:
                    found.append((reader, group))
            elif len(group.at) >= FEWEST and (known is None or known.refused(group.key) is None):
                for start in indexes:
                    chosen = _begins(raw.data, group, start)
                    bodies = group.starts[chosen] + len(start)
                    found.append((reader, Group(group.key, group.at[chosen], bodies, group.ends[chosen])))
        return found

    return find


def _begins(data: UInt8s, group: Group, start: bytes) -> Bools:
    chosen = group.ends - group.starts >= len(start)
    for at, byte in enumerate(start):
        chosen &= data[group.starts + at] == byte
    return chosen


def _indexes(message: ProtobufMessage) -> list[bytes]:
    """How a frame may name the message; written otherwise, a record is read by itself."""
    written = b"".join(_zigzag(number) for number in (len(message.indexes), *message.indexes))
    return [b"\x00", written] if message.indexes == (0,) else [written]


def _zigzag(number: int) -> bytes:
    number *= 2
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def reader_of(schema: EventSchema, message: ProtobufMessage, aliases: Aliases) -> Reader | None:
    """The compiled reader of a message; None where its records are read one by one (see `Program`)."""
    try:
        parse, texts = load()
        from dataflow.decode.protobuf.program import Program

        program = Program(message.make.DESCRIPTOR, schema, aliases)
    except (Unfit, ImportError):
        return None
    pool = np.frombuffer(bytes(program.pool) + bytes(SPARE_BYTES), np.uint8)
    tables = program.tables, program.fields, program.sets, program.choices, pool.ctypes.data
    return Reader(schema, program.leaves, lambda records, into: int(parse(*records, *tables, *into)), pool, texts)
