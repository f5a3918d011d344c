"""What an audit found: differences with their place, what could not be proven, and what was compared."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dataflow.spoken import counted

KEPT_PER_KIND = 200
"""Findings of one kind and table that are kept one by one; further ones are only counted."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets [start, end) of one source partition."""

    partition: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.partition} [{self.start}, {self.end})"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `ranges` are the smallest offset ranges that are known to hold it.

    `kind` is a word to tell findings apart by machine: file_missing, file_size, file_digest, file_rows, gap, overlap,
    conservation, offset, ledger, missing, extra, repeated, altered, returned, window, unreadable, count, alert_missing,
    alert_extra, alert_numbers.
    """

    kind: str
    table: str
    detail: str
    ranges: tuple[OffsetRange, ...] = ()
    files: tuple[str, ...] = ()
    key: Mapping[str, object] | None = None
    window_ms: tuple[int, int] | None = None

    def __str__(self) -> str:
        place = ", ".join(map(str, self.ranges))
        if self.window_ms is not None:
            key = ", ".join(f"{name}={value!r}" for name, value in (self.key or {}).items())
            window = f"window [{self.window_ms[0]}, {self.window_ms[1]}) ms"
            place = "; ".join(part for part in (key, window, place) if part)
        files = "".join(f"\n    file {file}" for file in self.files)
        return f"{self.kind}: {self.table}{': ' if place else ''}{place}: {self.detail}{files}"


@dataclass(frozen=True, slots=True)
class Unproven:
    """What the audit had to leave open, and why; no difference. `fix`: how to ask for it, where one can."""

    what: str
    why: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


@dataclass(slots=True)
class Report:
    """The whole audit. `partitions` and `tables` count what was looked at, without a difference or with one.

    `records`: those that the lake says it has read, of what was selected. `compared`: those that the source gave again.
    `erased`: rows per table that the source gives and that were taken out of the lake on purpose. `lost`: offsets that
    were gone before they were read, which the ledger tells.
    """

    snapshot_id: int
    findings: list[Finding] = field(default_factory=list)
    unproven: list[Unproven] = field(default_factory=list)
    partitions: dict[str, dict[str, int]] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    records: int = 0
    compared: int = 0
    erased: Counter[str] = field(default_factory=Counter)
    lost: list[OffsetRange] = field(default_factory=list)
    files: int = 0
    file_bytes: int = 0
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    _kept: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def is_proven(self) -> bool:
        """True when no difference was found, and records were compared where there are any."""
        return not self.findings and (self.compared > 0 or self.records == 0)

    @property
    def verdict(self) -> str:
        """All of it in a sentence."""
        if self.findings:
            count = len(self.findings) + sum(self.left_out.values())
            return f"{count} difference{'' if count == 1 else 's'} between the lake and its source"
        if not self.records:
            return "nothing to prove: the lake has read no record there"
        if not self.compared:
            reason = next(
                (each for each in self.unproven if each.fix), next(iter(self.unproven), "the source gave none")
            )
            fix = f"; {reason.fix}" if isinstance(reason, Unproven) and reason.fix else ""
            return f"nothing proven: none of {self.records:,} records was compared ({reason}){fix}"
        lost = f"{counted(sum(each.end - each.start for each in self.lost), 'offset')} lost" if self.lost else ""
        if self.unproven:
            beside = f"; {lost} were never read" if lost else ""
            return f"no difference; what is NOT PROVEN was not compared with the source{beside}"
        left_out = " and ".join(filter(None, ("the rows erased" if self.erased else "", lost)))
        but = f", but for {left_out}" if left_out else ""
        return f"proven: every record of the source is in the lake exactly once{but}"

    def add(self, finding: Finding) -> None:
        """Keep a finding; joins one that continues the last one's offsets in the same table for the same reason."""
        last = self.findings[-1] if self.findings else None
        if last is not None and _continues(last, finding):
            (before,), (after,) = last.ranges, finding.ranges
            joined = OffsetRange(before.partition, before.start, after.end)
            self.findings[-1] = Finding(last.kind, last.table, last.detail, (joined,), last.files)
            return
        place = (finding.kind, finding.table)
        self._kept[place] += 1
        if self._kept[place] > KEPT_PER_KIND:
            self.left_out[place] += 1
        else:
            self.findings.append(finding)

    def lines(self) -> list[str]:
        """The report for people."""
        out = [f"snapshot {self.snapshot_id}: {self.files} files, {self.file_bytes:,} bytes"]
        out += [
            f"{name} [{counts['start']}, {counts['end']}): {counts['ranges']:,} ranges, read {counts['read']:,} = "
            f"accepted {counts['accepted']:,} + duplicate {counts['duplicate']:,} + late {counts['late']:,} + dead "
            f"{counts['dead']:,}"
            for name, counts in self.partitions.items()
        ]
        out += [f"{name}: {rows:,} rows" for name, rows in self.tables.items()]
        out += [f"{name}: {rows:,} rows erased on purpose, not lost" for name, rows in self.erased.items()]
        out += [f"{each}: lost before it was read, a gap that was accepted" for each in self.lost]
        out += [f"DIFFERENCE {finding}" for finding in self.findings]
        out += [f"DIFFERENCE {kind}: {table}: {count} more" for (kind, table), count in self.left_out.items()]
        out += [f"NOT PROVEN {each}" for each in self.unproven]
        out.append(self.verdict)
        return out

    def as_json(self) -> dict[str, object]:
        """Everything as JSON values; times are epoch ms."""
        return {
            "snapshot": self.snapshot_id,
            "proven": self.is_proven,
            "verdict": self.verdict,
            "records": self.records,
            "compared": self.compared,
            "findings": [_finding_json(finding) for finding in self.findings],
            "findings_left_out": sum(self.left_out.values()),
            "unproven": [{"what": each.what, "why": each.why} for each in self.unproven],
            "partitions": self.partitions,
            "tables": self.tables,
            "erased": dict(self.erased),
            "lost": [{"partition": each.partition, "start": each.start, "end": each.end} for each in self.lost],
            "files": self.files,
            "file_bytes": self.file_bytes,
        }


def _continues(last: Finding, finding: Finding) -> bool:
    alike = (last.kind, last.table, last.detail, last.files) == (
        finding.kind,
        finding.table,
        finding.detail,
        finding.files,
    )
    if not alike or last.window_ms is not None or len(last.ranges) != 1 or len(finding.ranges) != 1:
        return False
    (before,), (after,) = last.ranges, finding.ranges
    return before.partition == after.partition and before.end == after.start


def _finding_json(finding: Finding) -> dict[str, object]:
    key = None
    if finding.key is not None:
        key = {
            name: value if value is None or isinstance(value, int) else str(value)
            for name, value in finding.key.items()
        }
    return {
        "kind": finding.kind,
        "table": finding.table,
        "detail": finding.detail,
        "ranges": [{"partition": each.partition, "start": each.start, "end": each.end} for each in finding.ranges],
        "files": list(finding.files),
        "key": key,
        "window_start": None if finding.window_ms is None else finding.window_ms[0],
        "window_end": None if finding.window_ms is None else finding.window_ms[1],
    }
