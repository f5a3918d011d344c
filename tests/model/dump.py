"""The canonical text of all tables, as `tidemill dump` writes it: one CSV per table."""

import base64
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.model.aggregates import sort_key
from tests.model.engine import Tables
from tests.model.spec import PipelineSpec

Line = list[Any]


def lines_of(spec: PipelineSpec, tables: Tables, *, events: bool) -> dict[str, tuple[list[str], list[Line]]]:
    """File name -> header and rows, in the order of the canonical text."""
    files: dict[str, tuple[list[str], list[Line]]] = {}
    for rollup in spec.rollups:
        header = ["window_start", "window_end", *rollup.keys, *rollup.aggregates]
        rows = [[start, end, *keys, *values] for start, end, keys, values in tables.rollups[rollup.name]]
        files[f"{rollup.name}.csv"] = (header, _sorted(rows))
    files["late.csv"] = (
        ["rollup", "partition", "offset", "event_time", "watermark"],
        _sorted([list(row) for row in tables.late]),
    )
    files["dead.csv"] = (["partition", "offset", "reason"], _sorted([list(row) for row in tables.dead]))
    if events:
        files["accepted.csv"] = (["partition", "offset"], _sorted([list(row) for row in tables.accepted]))
    lines: list[Line] = [
        [partition, each.read, each.accepted, each.duplicate, each.late, each.dead]
        for partition, each in tables.counts.items()
    ]
    total: Line = ["*", *(sum(line[at] for line in lines) for at in range(1, 6))]
    files["counts.csv"] = (["partition", "read", "accepted", "duplicate", "late", "dead"], [*_sorted(lines), total])
    files["counts_rollup.csv"] = (
        ["rollup", "partition", "filtered", "counted", "late"],
        _sorted(
            [
                [rollup, partition, each.filtered, each.counted, each.late]
                for (rollup, partition), each in tables.rollup_counts.items()
            ]
        ),
    )
    if tables.lost:
        files["lost.csv"] = (["partition", "start", "end"], _sorted([list(row) for row in tables.lost]))
    return files


def texts_of(spec: PipelineSpec, tables: Tables, *, events: bool) -> dict[str, str]:
    """File name -> whole text."""
    return {
        name: "".join(",".join(map(cell, line)) + "\n" for line in [header, *rows])
        for name, (header, rows) in lines_of(spec, tables, events=events).items()
    }


def write(folder: Path, spec: PipelineSpec, tables: Tables, *, events: bool) -> None:
    """Write every file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts_of(spec, tables, events=events).items():
        (folder / name).write_bytes(text.encode("utf-8"))


def cell(value: Any) -> str:
    """One CSV cell."""
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str):
        return _quoted(value)
    return repr(value)


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _quoted(text: str) -> str:
    if text == "\\N" or any(mark in text for mark in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _sorted(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: [sort_key(value) for value in line])
