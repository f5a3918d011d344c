"""The audit of the ledger by itself: contiguous ranges, conservation, an end at the lake's own offset."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataflow.errors import ConservationError
from dataflow.messages import Range, RollupCount
from dataflow.pipeline.names import LEDGER
from proof.audit.report import Finding, OffsetRange, Report
from proof.ledger import ROLLUP_CLASSES, LedgerLine
from sinks.lake.ledger import check_conservation

CLASSES = ("read", "accepted", "duplicate", "late", "dead")


@dataclass(frozen=True, slots=True)
class Segment:
    """Offsets [start, end) that are judged and compared as one: a ledger row's, or a hole's (`line` None)."""

    partition: str
    start: int
    end: int
    line: LedgerLine | None

    @property
    def lost(self) -> int:
        """How many of its offsets were gone before they were read: all of them, or none."""
        return 0 if self.line is None else self.line.entry.lost

    @property
    def range(self) -> OffsetRange:
        """Its offsets."""
        return OffsetRange(self.partition, self.start, self.end)


def check_ledger(
    lines: Mapping[str, Sequence[LedgerLine]],
    offsets: Mapping[str, tuple[int, int | None]],
    starts: Mapping[str, int],
    report: Report,
) -> dict[str, list[Segment]]:
    """Check the rows by themselves and give the segments that cover each source partition without hole or overlap.

    `offsets`: the catalog's next offset and largest event time; `starts`: the smallest offset that is known to have
    been read, where the ledger's first row need not be the first there was.
    """
    segments: dict[str, list[Segment]] = {}
    for partition in sorted({*lines, *offsets}):
        segments[partition] = _check_partition(partition, lines.get(partition, ()), starts.get(partition), report)
        covered = segments[partition]
        end = covered[-1].end if covered else starts.get(partition, 0)
        known = offsets.get(partition)
        if known is None:
            where = (OffsetRange(partition, covered[0].start, end),) if covered else ()
            report.add(Finding("offset", LEDGER, "the catalog has no next offset of this source partition", where))
            continue
        if known[0] > end:
            where = (OffsetRange(partition, end, known[0]),)
            report.add(Finding("gap", LEDGER, f"no row, but the lake's next offset is {known[0]}", where))
            covered.append(Segment(partition, end, known[0], None))
        elif known[0] < end:
            detail = f"rows end at {end}, but the lake's next offset is {known[0]}"
            report.add(Finding("offset", LEDGER, detail, (OffsetRange(partition, known[0], end),)))
        times = [line.entry.max_event_time for line in lines.get(partition, ())]
        newest = max((time for time in times if time is not None), default=None)
        if newest != known[1] and covered:
            detail = f"largest event time is {newest}, the catalog's own is {known[1]}"
            report.add(Finding("offset", LEDGER, detail, (OffsetRange(partition, covered[0].start, end),)))
    return segments


def check_published(
    published: Sequence[tuple[int, str]], lines: Mapping[str, Sequence[LedgerLine]], report: Report
) -> None:
    """Every range that the catalog's publish keys name (epoch, JSON ranges) has its own row in the ledger."""
    there = Counter(
        (line.epoch, partition, line.entry.start, line.entry.end) for partition in lines for line in lines[partition]
    )
    wanted = Counter((epoch, *each) for epoch, text in published for each in json.loads(text))
    for (epoch, partition, start, end), count in sorted((wanted - there).items()):
        detail = (
            f"epoch {epoch} published this range, and the ledger has {'no row' if count == 1 else 'too few rows'} of it"
        )
        report.add(Finding("ledger", LEDGER, detail, (OffsetRange(partition, start, end),)))


def _check_partition(partition: str, lines: Sequence[LedgerLine], start: int | None, report: Report) -> list[Segment]:
    segments: list[Segment] = []
    first = lines[0].entry.start if lines else None
    at = first if start is None else start if first is None else min(start, first)
    for line in lines:
        entry = line.entry
        where = OffsetRange(partition, entry.start, entry.end)
        assert at is not None
        try:
            check_conservation(entry)
        except ConservationError as error:
            report.add(Finding("conservation", LEDGER, str(error).partition(": ")[2].partition("; ")[0], (where,)))
        if entry.start > at:
            report.add(
                Finding("gap", LEDGER, "no row covers these offsets", (OffsetRange(partition, at, entry.start),))
            )
            segments.append(Segment(partition, at, entry.start, None))
            at = entry.start
        if entry.start < at and entry.end > entry.start:
            doubled = OffsetRange(partition, entry.start, min(at, entry.end))
            report.add(
                Finding("overlap", LEDGER, f"covered twice, by the row {where} of epoch {line.epoch}, too", (doubled,))
            )
            if entry.end > at:
                segments.append(Segment(partition, at, entry.end, None))
        else:
            segments.append(Segment(partition, entry.start, entry.end, line))
        at = max(at, entry.end)
    return segments


def ledger_differences(line: LedgerLine, again: Range) -> list[str]:
    """In what a line is not what its range gives when it is read again."""
    texts = [
        f"{name} is {getattr(line.entry, name)}, the source gives {getattr(again, name)}"
        for name in (*CLASSES, "lost", "checksum", "max_event_time", "watermark", "topic")
        if getattr(line.entry, name) != getattr(again, name)
    ]
    for rollup, count in again.rollups.items():
        known = line.entry.rollups.get(rollup, RollupCount())
        texts += [
            f"{rollup}_{name} is {getattr(known, name)}, the source gives {getattr(count, name)}"
            for name in ROLLUP_CLASSES
            if getattr(known, name) != getattr(count, name)
        ]
    return texts
