"""The ledger: what became of every record, per commit and source partition, checked before it is written."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache

import pyarrow as pa

from dataflow.errors import ConservationError, Gap
from dataflow.messages import Range, RollupCount
from dataflow.pipeline.tables import DIMENSIONS, RULES, lateness_column
from dataflow.rules import Joined

_WRAP = 2**64
_LONGEST_MS = 2**63 - 1
_COUNTS = ("read", "accepted", "duplicate", "late", "dead")


def merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """One range per source partition, in name order, from the ranges of one epoch in any order.

    Where the rules change within the epoch, as in a replay, there is one range for each of them; offsets that are lost
    have one of their own.

    Raises Gap when a partition's ranges do not follow each other, ConservationError when the classes of one do not
    add up to what was read.
    """
    by_partition: dict[str, list[Range]] = {}
    for entry in ranges:
        check_conservation(entry)
        by_partition.setdefault(entry.partition, []).append(entry)
    merged: list[Range] = []
    for partition in sorted(by_partition):
        parts = sorted(by_partition[partition], key=lambda part: (part.start, part.end))
        whole = _copy(parts[0])
        merged.append(whole)
        for part in parts[1:]:
            if part.start != whole.end:
                raise Gap(
                    f"source partition {partition}: one epoch holds offsets [{whole.start}, {whole.end}) and then "
                    f"[{part.start}, {part.end}); nothing of it was written. Start again; if it stays, report it"
                )
            apart = part.rules != whole.rules or part.lost or whole.lost
            if apart and part.end > part.start and whole.end > whole.start:
                whole = _copy(part)
                merged.append(whole)
            else:
                _add(whole, part)
    return merged


def check_conservation(entry: Range) -> None:
    """Raise ConservationError unless each record is in exactly one class, overall and per rollup (semantics rule 8)."""
    place = f"source partition {entry.partition}, offsets [{entry.start}, {entry.end})"
    classes = entry.accepted + entry.duplicate + entry.late + entry.dead
    offsets = max(entry.end - entry.start, 0)
    if entry.read != classes or not 0 <= entry.read <= offsets:
        raise ConservationError(
            f"{place}: read {entry.read}, but accepted {entry.accepted} + duplicate {entry.duplicate} + late "
            f"{entry.late} + dead {entry.dead} = {classes}; nothing of this epoch was written. Report it"
        )
    if entry.lost and (entry.read or entry.lost != offsets):
        raise ConservationError(
            f"{place}: lost {entry.lost}, but read {entry.read} of {offsets}; nothing of this epoch was written. "
            "Report it"
        )
    valid = entry.read - entry.dead - entry.duplicate
    for name, count in entry.rollups.items():
        if valid != count.filtered + count.counted + count.late:
            raise ConservationError(
                f"{place}, rollup {name}: {valid} valid rows, but filtered {count.filtered} + counted {count.counted}"
                f" + late {count.late} = {count.filtered + count.counted + count.late}; nothing of this epoch was "
                "written. Report it"
            )


def ledger_rows(
    ranges: Iterable[Range],
    schema: pa.Schema,
    *,
    epoch: int,
    committed_at: datetime,
    final: Collection[str] = (),
) -> pa.Table:
    """The ledger's rows, in `schema` (`dataflow.pipeline.tables.ledger_schema`), for merged ranges.

    `final`: the source partitions of which nothing comes after these ranges.
    """
    rows: list[Mapping[str, object]] = []
    for entry in ranges:
        row: dict[str, object] = {
            "topic": entry.topic,
            "partition": entry.partition,
            "start_offset": entry.start,
            "end_offset": entry.end,
            **{name: getattr(entry, name) for name in _COUNTS},
            "lost": entry.lost,
            "checksum": entry.checksum,
            "max_event_time": entry.max_event_time,
            "finished": entry.finished,
            "final": entry.partition in final,
            "epoch": epoch,
            "committed_at": committed_at.replace(tzinfo=None),
        }
        if entry.rules is not None:
            row["watermark"] = entry.watermark
            # a longer time than a column holds is for ever, as the longest is
            row.update((name, min(getattr(entry.rules, name), _LONGEST_MS)) for name in RULES)
            if entry.rules.dimensions is not None:
                row[DIMENSIONS] = _told(entry.rules.dimensions)
            lateness = entry.rules.allowed_lateness_ms
            row.update((lateness_column(name), min(value, _LONGEST_MS)) for name, value in lateness)
        for name, count in entry.rollups.items():
            row[f"{name}_filtered"] = count.filtered
            row[f"{name}_counted"] = count.counted
            row[f"{name}_late"] = count.late
        rows.append(row)
    table: pa.Table = pa.Table.from_pylist(rows, schema=schema)
    return table


@lru_cache(maxsize=64)
def _told(dimensions: tuple[Joined, ...]) -> str:
    return json.dumps([each.as_json() for each in dimensions], separators=(",", ":"), ensure_ascii=False)


def _copy(entry: Range) -> Range:
    rollups = {name: RollupCount(count.filtered, count.counted, count.late) for name, count in entry.rollups.items()}
    return Range(
        entry.partition,
        entry.topic,
        entry.start,
        entry.end,
        entry.read,
        entry.accepted,
        entry.duplicate,
        entry.late,
        entry.dead,
        _signed(entry.checksum),
        entry.max_event_time,
        entry.finished,
        rollups,
        entry.watermark,
        entry.rules,
        entry.content,
        entry.lost,
    )


def _add(whole: Range, part: Range) -> None:
    if whole.end == whole.start:
        # what has no records was judged by no rules
        whole.rules = part.rules
    whole.end = part.end
    marks = [mark for mark in (whole.watermark, part.watermark) if mark is not None]
    whole.watermark = max(marks, default=None)
    for name in _COUNTS:
        setattr(whole, name, getattr(whole, name) + getattr(part, name))
    whole.checksum = _signed(whole.checksum + part.checksum)
    times = [time for time in (whole.max_event_time, part.max_event_time) if time is not None]
    whole.max_event_time = max(times, default=None)
    whole.finished = whole.finished or part.finished
    whole.content = part.content or whole.content
    whole.lost += part.lost
    for name, count in part.rollups.items():
        sums = whole.rollups.setdefault(name, RollupCount())
        sums.filtered += count.filtered
        sums.counted += count.counted
        sums.late += count.late


def _signed(value: int) -> int:
    value %= _WRAP
    return value - _WRAP if value >= _WRAP // 2 else value
