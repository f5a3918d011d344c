"""What the first bytes of a record tell of a format that is not plain JSON."""

import re
from json import JSONDecoder

from dataflow.losses.cause import Cause

_REGISTRY_FIX = (
    "declare in the pipeline file what the producer writes: format=avro(), with schema.registry.url in [kafka], or "
    "format=protobuf(...); if that is declared, the producer wrote with another schema than the record names"
)
_UNPACK = "have the producer send the JSON as it is; compression is Kafka's own work (compression.type)"
_ONE_A_RECORD = "have the producer send each event as a JSON object in a record of its own"
_AS_JSON = "have the producer send each event as one JSON object in UTF-8"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "the records are compressed with gzip by the producer itself", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "the records are compressed with zstd by the producer itself", _UNPACK),
    (b"\x04\x22\x4d\x18", "the records are compressed with LZ4 by the producer itself", _UNPACK),
    (b"\x82SNAPPY", "the records are compressed with Snappy by the producer itself", _UNPACK),
    (b"\xff\x06\x00\x00sNaPpY", "the records are compressed with Snappy by the producer itself", _UNPACK),
    (b"Obj\x01", "the records are Avro container files", _AS_JSON),
    (b"PAR1", "the records are whole Parquet files", f"{_AS_JSON}; Parquet files are read with --source files"),
    (b"\xac\xed\x00\x05", "the records are serialized Java objects", _AS_JSON),
    (b"\xef\xbb\xbf", "the records begin with a byte order mark, which JSON forbids", "have the producer leave it out"),
    (b"\xff\xfe", "the records are UTF-16", _AS_JSON),
    (b"\xfe\xff", "the records are UTF-16", _AS_JSON),
)

_ID_BYTES = 4
_CSV_LINE = re.compile(rb"[^\x00-\x08\x0b\x0c\x0e-\x1f]*")
_SEPARATORS = b",;\t|"
_LEAST_SEPARATORS = 2


def frame_of(value: bytes) -> Cause | None:
    """The format that `value`, a record that is no JSON object, begins like; None if it tells nothing."""
    if value[:1] == b"\x00" and len(value) > _ID_BYTES:
        number = int.from_bytes(value[1 : 1 + _ID_BYTES], "big")
        return Cause(
            f"the records are framed by a schema registry: a zero byte and a schema's number, {number}, come first, "
            "as with Confluent's serializers of Avro, Protobuf and JSON Schema; what follows is not of the pipeline's "
            "format",
            _REGISTRY_FIX,
        )
    for magic, what, fix in _MAGIC:
        if value.startswith(magic):
            return Cause(what, fix)
    return _of_text(value.lstrip(b" \t\r\n"))


def _of_text(text: bytes) -> Cause | None:
    if text.startswith(b"<"):
        return Cause("the records are XML", _AS_JSON)
    if text.startswith(b"["):
        return Cause("the records are JSON arrays, perhaps of many events each", _ONE_A_RECORD)
    if re.match(rb'"\s*(\{|\[|\\u007[bB])', text):
        return Cause(
            "the records are JSON inside a JSON string: they were encoded twice", "have the producer encode them once"
        )
    if text.startswith((b"{'", b"{u'")):
        return Cause("the records are printed Python dicts, in single quotes, and no JSON", "use json.dumps for them")
    if text.startswith(b"{"):
        return _several(text)
    line = text.split(b"\n", 1)[0]
    separators = max(line.count(bytes([each])) for each in _SEPARATORS)
    if separators >= _LEAST_SEPARATORS and _CSV_LINE.fullmatch(line):
        return Cause("the records look like lines of CSV", _AS_JSON)
    return None


def _several(text: bytes) -> Cause | None:
    decoded = text.decode("utf-8", "replace")
    try:
        _, end = JSONDecoder().raw_decode(decoded)
    except (ValueError, RecursionError):
        return None
    if decoded[end:].lstrip(" \t\r\n,").startswith("{"):
        return Cause("each record holds several JSON objects, one after the other", _ONE_A_RECORD)
    return None
