"""What a reader's program is asked, and how it answers: run in the readers' environment, never imported by a test."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

Read = Callable[[str, int | None], pa.Table]
"""A table's rows by its name, now or at the snapshot of that number."""


def answer(reader: Callable[[Path], Read]) -> None:
    """Read each table that standard input asks for into a file of its own; print what went wrong with each."""
    asked = json.load(sys.stdin)
    read = reader(Path(asked["lake"]))
    wrong: list[str | None] = []
    for table, version, target in asked["asks"]:
        try:
            rows = read(table, version)
            with pa.ipc.new_stream(target, rows.schema) as stream:
                stream.write_table(rows)
            wrong.append(None)
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
    print()
    print(json.dumps(wrong))
