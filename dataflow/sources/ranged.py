"""A source cut to given offset ranges: what a replay or a backfill of a part reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataflow.errors import ConfigError
from dataflow.rules import Mark, Rules
from dataflow.sources.around import open_around
from dataflow.sources.source import Hint, Reader, Source


@dataclass(frozen=True, slots=True)
class SourceRange:
    """Offsets [start, end) of one source partition; `hint` is the reader's hint of `start`, where one is needed.

    `marks`: from which offset on which rules hold in it; those of the pipeline where there is none.
    `content`: what a file is known by, as its reader told. `lake`: the folder of the lake that keeps copies of the
    dimension files which `marks` name. `lost`: what is not to be read of it, as it never was.
    """

    start: int
    end: int
    hint: Hint = None
    marks: tuple[Mark, ...] = ()
    content: str | None = None
    lake: str | None = None
    lost: tuple[tuple[int, int], ...] = ()


class RangedSource:
    """Only the source partitions that `ranges` names, each from its start to its end and then finished."""

    def __init__(self, source: Source, ranges: Mapping[str, SourceRange]) -> None:
        """Raises ConfigError when `source` lacks a partition."""
        absent = sorted(set(ranges) - set(source.partitions()))
        if absent:
            raise ConfigError("ranges", absent[0], "the source has no such partition; correct the file of ranges")
        self._source = source
        self._ranges = dict(ranges)

    def partitions(self) -> list[str]:
        """Those with a range, in the source's own order."""
        return [name for name in self._source.partitions() if name in self._ranges]

    def topic_of(self, partition: str) -> str | None:
        """As the source says."""
        return self._source.topic_of(partition)

    def open(self, partition: str, next_offset: int | None, hint: Hint, bounded_end: int | None = None) -> Reader:
        """Read on from `next_offset` (None: the range's start) to the range's end."""
        part = self._ranges[partition]
        if next_offset is None:
            next_offset, hint = part.start, part.hint
        return open_around(self._source, partition, next_offset, hint, part.end, part.lost)

    def end_offsets(self) -> dict[str, int]:
        """The ranges' ends."""
        return {name: part.end for name, part in self._ranges.items()}

    def waiting(self) -> dict[str, int]:
        """None: the ranges' ends are those that were asked for."""
        return {}

    def is_at_end(self, partition: str) -> bool:
        """The range's end is the end that was asked for."""
        return True

    def partitions_changed(self) -> bool:
        """Never: the ranges are fixed."""
        return False

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def read_ranges(path: Path) -> dict[str, SourceRange]:
    """Ranges from a JSON file: {"ads/0": {"start": 0, "end": 500}}. Raises ConfigError."""
    try:
        entries = json.loads(path.read_text("utf-8"))
        ranges = {name: _range(entry) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        fix = f'cannot be used ({error}); write {{"ads/0": {{"start": 0, "end": 500}}}}'
        raise ConfigError("ranges", str(path), fix) from None
    for name, part in ranges.items():
        if not (isinstance(part.start, int) and isinstance(part.end, int) and 0 <= part.start <= part.end):
            raise ConfigError("ranges", str(path), f"{name}: write whole offsets with 0 <= start <= end")
    return ranges


def _range(entry: Mapping[str, Any]) -> SourceRange:
    marks = tuple((offset, Rules.of_json(values)) for offset, values in entry.get("rules", ()))
    lost = tuple((start, end) for start, end in entry.get("lost", ()))
    content, lake = entry.get("content"), entry.get("lake")
    return SourceRange(entry["start"], entry["end"], entry.get("hint"), marks, content, lake, lost)


def write_ranges(path: Path, ranges: Mapping[str, SourceRange]) -> None:
    """The file that `read_ranges` reads."""
    entries = {
        name: {
            "start": part.start,
            "end": part.end,
            "hint": part.hint,
            "content": part.content,
            "lake": part.lake,
            "rules": [(offset, rules.as_json()) for offset, rules in part.marks],
            "lost": part.lost,
        }
        for name, part in ranges.items()
    }
    path.write_text(json.dumps(entries), "utf-8")
