"""Canonical text of all tables: equal lakes give equal folders, whatever workers, batches and restarts made them."""

import base64
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataflow.errors import ConfigError, LakeError
from dataflow.pipeline.names import ALERTS, DEAD_LETTERS, EVENTS, LATE_EVENTS, LEDGER
from dataflow.sql import quoted, text
from dataflow.steps import UNSEEN, Steps, each
from query.alerts import has_alerts
from query.lost import lost_ranges
from query.moment import EPOCH
from query.reader import LakeSnapshot
from query.times_ms import columns_in_ms
from sinks.lake.catalog.backfills import Backfilled
from sinks.lake.catalog.enclosing import require_own_folder

_CLASSES = ("read", "accepted", "duplicate", "late", "dead")
_ROLLUP_CLASSES = ("filtered", "counted", "late")
_NULL = "\\N"
_ALERTS_SQL = (
    "SELECT rule, key, epoch_ms(window_start) AS window_start, epoch_ms(window_end) AS window_end, quiet"
    f" FROM {ALERTS} WHERE state = 'raised'"
)
_LOST_SQL = f'SELECT partition, start_offset AS "start", end_offset AS "end" FROM {LEDGER} WHERE lost > 0'


def dump(snapshot: LakeSnapshot, folder: Path, steps: Steps = UNSEEN) -> list[Path]:
    """Write one CSV per table into `folder` (made if absent) and return the paths, sorted.

    R.csv per rollup, late.csv, dead.csv, accepted.csv (if events are kept), counts.csv, counts_rollup.csv, alerts.csv
    (those that stand, if there are rules), lost.csv (if offsets were lost); each is one of `steps`. Other CSV files in
    the folder would spoil a comparison: ConfigError if there are any that this dump does not replace, as for a file, a
    folder in a lake, or one that holds a lake; then nothing is written.
    """
    require_own_folder("DIR", folder)
    if LEDGER not in snapshot.tables:
        raise LakeError("the lake has no ledger table, so it is no pipeline's lake; name another folder with --lake")
    rollups = _rollups(snapshot)
    queries = {f"{name}.csv": _rollup_sql(snapshot, name) for name in rollups}
    late = columns_in_ms(snapshot.tables[LATE_EVENTS], ["rollup", "partition", "offset", "event_time", "watermark"])
    queries["late.csv"] = f"SELECT {late} FROM {LATE_EVENTS}"
    queries["dead.csv"] = f'SELECT partition, "offset", reason FROM {DEAD_LETTERS}'
    if EVENTS in snapshot.tables:
        queries["accepted.csv"] = f'SELECT partition, "offset" FROM {EVENTS}'
    queries["counts_rollup.csv"] = _rollup_counts_sql(rollups, snapshot.backfilled)
    if has_alerts(snapshot):
        queries["alerts.csv"] = _ALERTS_SQL
    if lost_ranges(snapshot):
        queries["lost.csv"] = _LOST_SQL
    _require_own(folder, {*queries, "counts.csv"})
    written = []
    for name, sql in each(queries.items(), steps):
        table = _sorted(snapshot, sql)
        written.append(_write(folder / name, table.column_names, _lines(table)))
    written.append(_write(folder / "counts.csv", *_counts(snapshot)))
    return sorted(written)


def contents(snapshot: LakeSnapshot, without: Mapping[str, Collection[str]] | None = None) -> dict[str, str]:
    """SQL of everything that a lake holds as a function of its source, by name: `dump` and all columns of the rows.

    `without`: results to leave out, by rollup.
    """
    rollups = _rollups(snapshot)
    queries = {name: _rollup_sql(snapshot, name, (without or {}).get(name, ())) for name in rollups}
    for name in (EVENTS, LATE_EVENTS, DEAD_LETTERS):
        if name in snapshot.tables:
            # in order of the names: where a pipeline gained columns, they stand last in its lake
            columns = sorted(column.name for column in snapshot.tables[name].columns)
            queries[name] = f"SELECT {columns_in_ms(snapshot.tables[name], columns)} FROM {name}"
    queries["counts"] = _counts_sql()
    queries["counts_rollup"] = _rollup_counts_sql(rollups, snapshot.backfilled)
    if lost_ranges(snapshot):
        queries["lost"] = _LOST_SQL
    return queries


def canonical(value: object) -> str:
    """One value as dump writes it, before quoting: times as epoch ms, decimals without trailing zeros."""
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    if isinstance(value, datetime):
        return str((value.replace(tzinfo=value.tzinfo or UTC) - EPOCH) // timedelta(milliseconds=1))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return repr(value) if isinstance(value, float) else str(value)


def _rollups(snapshot: LakeSnapshot) -> list[str]:
    known = {column.name for column in snapshot.tables[LEDGER].columns}
    return sorted(name for name in snapshot.views if f"{name}_counted" in known and f"{name}_delta" in snapshot.tables)


def _rollup_sql(snapshot: LakeSnapshot, name: str, without: Collection[str] = ()) -> str:
    columns = snapshot.query(f"SELECT * FROM {quoted(name)} LIMIT 0").column_names
    keys = columns[: columns.index("window_start")]
    results = [column for column in columns[len(keys) + 2 :] if column not in ("late_count", "is_final", *without)]
    # As numbers: Python's datetime ends at the year 9999, TIMESTAMP does not.
    windows = "epoch_ms(window_start) AS window_start, epoch_ms(window_end) AS window_end"
    return f"SELECT {', '.join([windows, *map(quoted, [*keys, *results])])} FROM {quoted(name)}"


def _rollup_counts_sql(rollups: Sequence[str], filled: Mapping[str, Sequence[Backfilled]]) -> str:
    parts = []
    for name in rollups:
        counts = [quoted(f"{name}_{what}") for what in _ROLLUP_CLASSES]
        source = f"SELECT partition, {', '.join(counts)} FROM {LEDGER}"
        # what was late for all rollups of its time is late for one that came later
        source += "".join(
            f" UNION ALL SELECT {text(mark.partition)}, {mark.filtered}, {mark.counted}, {mark.late + mark.missed}"
            for mark in filled.get(name, ())
        )
        sums = ", ".join(
            f"coalesce(sum({count}), 0)::BIGINT AS {what}" for what, count in zip(_ROLLUP_CLASSES, counts, strict=True)
        )
        parts.append(f"SELECT {text(name)} AS rollup, partition, {sums} FROM ({source}) AS told GROUP BY partition")
    empty = "SELECT '' AS rollup, '' AS partition, 0 AS filtered, 0 AS counted, 0 AS late WHERE false"
    return " UNION ALL ".join(parts) or empty


def _counts_sql() -> str:
    sums = ", ".join(f"coalesce(sum({what}), 0)::BIGINT AS {what}" for what in _CLASSES)
    return f"SELECT partition, {sums} FROM {LEDGER} GROUP BY partition"


def _counts(snapshot: LakeSnapshot) -> tuple[list[str], Iterator[list[str]]]:
    table = _sorted(snapshot, _counts_sql())
    total = ["*", *(str(sum(table.column(what).to_pylist())) for what in _CLASSES)]

    def lines() -> Iterator[list[str]]:
        yield from _lines(table)
        yield total

    return table.column_names, lines()


def _sorted(snapshot: LakeSnapshot, sql: str) -> pa.Table:
    """Rows in order of all columns from the left, NULL first; DuckDB compares text by its UTF-8 bytes."""
    return snapshot.query(f"SELECT * FROM ({sql}) AS rows ORDER BY ALL NULLS FIRST")


def _lines(table: pa.Table) -> Iterator[list[str]]:
    for batch in table.to_batches():
        columns = [_texts(column) for column in batch.columns]
        yield from (list(row) for row in zip(*columns, strict=True))


def _texts(column: pa.Array) -> list[str]:
    if pa.types.is_timestamp(column.type):
        # Not by way of Python's times, which end with the year 9999.
        column = column.cast(pa.timestamp("ms")).cast(pa.int64())
    convert: Callable[[Any], str] = canonical
    if pa.types.is_string(column.type):
        convert = _quoted_text
    return [convert(value) for value in column.to_pylist()]


def _quoted_text(value: str | None) -> str:
    """Text in CSV form; text that reads like the mark of NULL is quoted."""
    if value is None:
        return _NULL
    if value == _NULL or any(mark in value for mark in ',"\n\r'):
        return '"' + value.replace('"', '""') + '"'
    return value


def _write(path: Path, header: Sequence[str], lines: Iterator[list[str]]) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as stream:
            stream.write(",".join(map(_quoted_text, header)) + "\n")
            stream.writelines(",".join(line) + "\n" for line in lines)
    except OSError as error:
        raise ConfigError("DIR", str(path.parent), f"cannot be written ({error.strerror}); name another") from error
    return path


def _require_own(folder: Path, names: set[str]) -> None:
    there = list(folder.glob("*.csv")) if folder.is_dir() else []
    strangers = sorted(path.name for path in there if path.name not in names or not path.is_file())
    if strangers:
        raise ConfigError("DIR", str(folder), f"holds {', '.join(strangers)} of something else; name an empty folder")
