"""Files as source partitions: one record a line, or a row below a header."""

import csv
import gzip
import io
import json
import re
from pathlib import Path

from tests.model.spec import Record

LINES = (".ndjson", ".jsonl", ".json")


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


def read_folder(folder: Path) -> dict[str, list[Record]]:
    """Source partitions by name: every file of lines, plain or as .gz."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name, content = path.name.lower(), path.read_bytes() if path.is_file() else b""
        packed = name.endswith(".gz")
        ending = next((each for each in LINES if name.removesuffix(".gz").endswith(each)), None)
        if ending is not None and path.is_file():
            stem = path.name[: len(name.removesuffix(".gz")) - len(ending)]
            found[stem] = records_of(gzip.decompress(content) if packed else content)
    return found
