"""Files as source partitions: one record a line, or a row below a header."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.model import avro
from tests.model.contract import Dead
from tests.model.spec import FieldSpec, PipelineSpec, Record

LINES = (".ndjson", ".jsonl", ".json")
PACKED = (".gz", ".zst")

Unpack = Callable[[bytes], bytes]


def records_of(content: bytes) -> list[Record]:
    """Every line a record, its number the offset; what follows the last newline is one only if not empty.

    A mark of UTF-8 at the beginning, and a return before a newline, are no part of any.
    """
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    last = lines.pop()
    lines = [line.removesuffix(b"\r") for line in lines]
    return [Record(at, line) for at, line in enumerate([*lines, last] if last else lines)]


def rows_of(content: bytes, types: dict[str, str]) -> list[Record]:
    """Every row of CSV a record, a JSON object: `types` says which columns are numbers, which texts may be null."""
    rows = list(csv.reader(io.StringIO(content.decode().removeprefix("\ufeff"), newline="")))
    return [Record(at, json.dumps(_object(rows[0], row, types)).encode()) for at, row in enumerate(rows[1:])]


def _object(names: list[str], row: list[str], types: dict[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, text in zip(names, row, strict=True):
        if text == "" and types.get(name) != "text":
            if types.get(name, "").endswith("?"):
                values[name] = None
        elif types.get(name, "").startswith("number") and re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", text):
            values[name] = json.loads(text)
        else:
            values[name] = text
    return values


def read_folder(folder: Path, spec: PipelineSpec | None = None, unzst: Unpack | None = None) -> dict[str, list[Record]]:
    """Source partitions by name: every file of lines, plain, as .gz or, by `unzst`, as .zst.

    With a spec, folders like dt=2026-01-02 say what records of fields lack.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.name.lower()
        packed = next((each for each in PACKED if name.endswith(each)), "")
        ending = next((each for each in LINES if name.removesuffix(packed).endswith(each)), None)
        if ending is not None and path.is_file():
            records = records_of(unpacked(path, packed, unzst))
            if spec is not None:
                columns = columns_of(path.relative_to(folder).parts[:-1])
                records = [Record(each.offset, beside(each.value, columns, spec)) for each in records]
            found[path.name[: len(name.removesuffix(packed)) - len(ending)]] = records
    return found


def unpacked(path: Path, packed: str, unzst: Unpack | None) -> bytes:
    """A file's content as it was before it was packed."""
    content = path.read_bytes()
    if packed == ".zst":
        assert unzst is not None, "plain Python reads no .zst"
        return unzst(content)
    return gzip.decompress(content) if packed else content


def columns_of(folders: tuple[str, ...]) -> dict[str, str | None]:
    """What folders as Hive names them say."""
    pairs = [each.split("=", 1) for each in folders if "=" in each]
    return {name: None if text == "__HIVE_DEFAULT_PARTITION__" else unquote(text) for name, text in pairs}


def beside(value: bytes | None, columns: dict[str, str | None], spec: PipelineSpec) -> bytes | None:
    """A record that is an object, with the columns in front: its own members come later and count."""
    members = []
    for each in spec.fields:
        text = columns.get(each.name, "") if each.name in columns else columns.get(each.key or each.name, "")
        if (each.name in columns or (each.key or "") in columns) and (text is not None or each.optional):
            members.append(f"{json.dumps(each.key or each.name)}:{_said(text, each)}")
    start = (value or b"").lstrip(b" \t\r")
    if not members or not start.startswith(b"{"):
        return value
    rest = start[1:]
    comma = "" if rest.lstrip(b" \t\r").startswith(b"}") else ","
    return b"{" + (",".join(members) + comma).encode() + rest


def _said(text: str | None, each: FieldSpec) -> str:
    if text is None:
        return "null"
    numeric = each.kind in ("int", "float", "money", "event_time_s", "event_time_ms", "event_time_us", "event_time_ns")
    if numeric and re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", text):
        return text
    is_bool = each.kind == "bool" and text in ("true", "True", "TRUE", "false", "False", "FALSE")
    return text.lower() if is_bool else json.dumps(text)


def container_rows(content: bytes) -> list[dict[str, avro.Typed]]:
    """The records of an Avro container file, whose blocks are plain or deflated."""
    assert content[:4] == b"Obj\x01"
    head = avro.Body(content[4:], avro.Schema('"null"'))
    meta: dict[str, bytes] = {}
    while count := head.number():
        if count < 0:
            count = -count
            head.number()
        for _ in range(count):
            key = head.text()
            meta[key] = head.take(head.number())
    sync = head.take(16)
    schema = avro.Schema(meta["avro.schema"].decode())
    rows = []
    while head.rest:
        count, block = head.number(), head.take(head.number())
        body = avro.Body(zlib.decompress(block, -15) if meta.get("avro.codec") == b"deflate" else block, schema)
        rows += [body.value(schema.root, "", 1).value for _ in range(count)]
        assert body.rest == b""
        assert head.take(16) == sync
    return [{name: value for name, (value, _) in row.items()} for row in rows]


def container_events(content: bytes, spec: PipelineSpec) -> list[dict[str, Any] | Dead]:
    """What each record of an Avro container file is: a null is one where it may be, and not there elsewhere."""
    return [_container_event(row, spec) for row in container_rows(content)]


def _container_event(row: dict[str, avro.Typed], spec: PipelineSpec) -> dict[str, Any] | Dead:
    optional = {each.key or each.name for each in spec.fields if each.optional}
    found: dict[str, Any] = {
        name: (value, []) for name, value in row.items() if value.kind != "null" or name in optional
    }
    columns: dict[str, Any] = {}
    return avro.read_fields(found, spec.fields, ((), ""), columns, {}) or columns


def recognised(known: dict[str, bytes], files: dict[str, bytes]) -> dict[str, str]:
    """Which file each source partition goes on in: one whose content begins with all that was read.

    First one of its own name, then any; of several the longest; the longer a partition the sooner it chooses.
    """
    found: dict[str, str] = {}
    by_length = sorted(known, key=lambda name: (-len(known[name]), name))
    for is_by_name in (True, False):
        for name in by_length:
            free = [file for file in files if file not in found.values() and files[file].startswith(known[name])]
            fit = [file for file in free if not is_by_name or _stem(file) == name]
            if name not in found and fit:
                found[name] = max(fit, key=lambda file: len(files[file]))
    return found


def _stem(file: str) -> str:
    return file.partition(".")[0]
