"""Neighbouring ranges of the audit that are compared together."""

from collections.abc import Mapping

import pyarrow as pa

from dataflow.messages import Range
from proof.audit.ledger import Segment
from proof.audit.rows import ROW_TABLES


class Chunk:
    """Neighbouring segments of one source partition that are compared together."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.ranges: dict[int, list[Range]] = {}
        self.tables: dict[str, list[pa.RecordBatch]] = {}
        self.records = 0

    def add(self, segment: Segment, entry: Range, tables: Mapping[str, pa.RecordBatch]) -> None:
        """One more range of a segment, read again, and its rows by table."""
        if not self.segments or self.segments[-1] is not segment:
            self.segments.append(segment)
        self.ranges.setdefault(id(segment), []).append(entry)
        self.records += entry.read
        self.add_rows(tables)

    def add_rows(self, tables: Mapping[str, pa.RecordBatch]) -> None:
        """Rows by table; those of windows are left out, which are compared in another way."""
        for name in ROW_TABLES:
            if name in tables:
                self.tables.setdefault(name, []).append(tables[name])
