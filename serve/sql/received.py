"""An answer as it came from a child, which is not trusted: it is looked at before anybody uses it."""

import pyarrow as pa

from dataflow.errors import SqlFailed
from serve.sql.weight import weight_bytes

_SLACK_BYTES = 4 * 1024 * 1024
_NESTED_TYPES = (
    *(pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list),
    *(pa.types.is_struct, pa.types.is_map, pa.types.is_union),
)
_PLAIN_TYPES = (
    *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary),
    *(pa.types.is_fixed_size_binary, pa.types.is_date, pa.types.is_time, pa.types.is_timestamp),
    *(pa.types.is_duration, pa.types.is_interval),
)


def most_bytes(limit: int) -> int:
    """How long the stream of an answer of at most `limit` bytes may be: it has heads and gaps, too."""
    return 2 * limit + _SLACK_BYTES


def received(stream: bytes, *, rows: int, bytes_: int) -> pa.Table:
    """The table that the stream holds. Raises SqlFailed if it is none, or larger than it may be."""
    try:
        require_plain(stream)
        with pa.ipc.open_stream(stream) as reader:
            schema = reader.schema
            for field in schema:
                _require_known(field.type)
            table = reader.read_all()
        if table.num_rows > rows:
            raise ValueError(f"{table.num_rows} rows, more than {rows}")
        table.validate(full=True)
        if weight_bytes(table) > most_bytes(bytes_):
            raise ValueError("more bytes than it may have")
    # Arrow raises nearly everything for bytes that are none of its own
    except Exception as error:
        raise SqlFailed(
            f"the process that answered sent no proper answer ({error}) and was ended: ask again"
        ) from error
    return table


def require_plain(stream: bytes) -> None:
    """Raise ValueError unless the stream is a sequence of messages whose bodies are as large as they say."""
    at, whole = 0, len(stream)
    while True:
        mark, length = _u32(stream, at), _u32(stream, at + 4)
        if mark != 0xFFFFFFFF or length > whole:
            raise ValueError(f"no message at byte {at}")
        if length == 0:
            break
        at += 8 + _padded(length) + _body_bytes(memoryview(stream)[at + 8 : at + 8 + length])
        if at > whole:
            raise ValueError("a message is longer than what came")
    if at + 8 != whole:
        raise ValueError("something stands after the end")


_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2
_COMPRESSION_FIELD, _DATA_FIELD = 3, 1


def _body_bytes(metadata: memoryview) -> int:
    """The length of a message's body. Raises ValueError where it is packed: it could become far larger."""
    message = _u32(metadata, 0)
    kind_at, header_at, length_at = (_field(metadata, message, number) for number in (1, 2, 3))
    kind = metadata[kind_at] if kind_at else 0
    if kind in (_RECORD_BATCH, _DICTIONARY_BATCH):
        batch = header_at + _u32(metadata, header_at)
        if kind == _DICTIONARY_BATCH:
            inner = _field(metadata, batch, _DATA_FIELD)
            batch = inner + _u32(metadata, inner)
        if _field(metadata, batch, _COMPRESSION_FIELD):
            raise ValueError("a compressed body")
    length = int.from_bytes(metadata[length_at : length_at + 8], "little", signed=True) if length_at else 0
    if length < 0:
        raise ValueError("a negative length")
    return length


def _field(buffer: memoryview, table: int, number: int) -> int:
    """Where a table of a flatbuffer has its field; 0 where it has none."""
    vtable = table - int.from_bytes(buffer[table : table + 4], "little", signed=True)
    if vtable < 0 or 4 + 2 * number + 2 > _u16(buffer, vtable):
        return 0
    offset = _u16(buffer, vtable + 4 + 2 * number)
    return table + offset if offset else 0


def _u16(buffer: memoryview, at: int) -> int:
    return _unsigned(buffer, at, 2)


def _u32(buffer: memoryview | bytes, at: int) -> int:
    return _unsigned(buffer, at, 4)


def _unsigned(buffer: memoryview | bytes, at: int, width: int) -> int:
    if at < 0 or at + width > len(buffer):
        raise ValueError("a message ends too early")
    return int.from_bytes(buffer[at : at + width], "little")


def _padded(length: int) -> int:
    return (length + 7) // 8 * 8


def _require_known(kind: pa.DataType) -> None:
    """Raise ValueError for a type that the engine does not send: some hold many values without taking bytes."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        inside = [kind.value_type]
        known = pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
    elif any(is_(kind) for is_ in _NESTED_TYPES):
        inside = [kind.field(number).type for number in range(kind.num_fields)]
        known = bool(inside) and not (pa.types.is_fixed_size_list(kind) and kind.list_size < 1)
    else:
        inside = []
        known = any(is_(kind) for is_ in _PLAIN_TYPES)
    if not known:
        raise ValueError(f"a column of {kind}")
    for each in inside:
        _require_known(each)
