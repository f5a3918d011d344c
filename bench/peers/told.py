"""What a peer's program is given and tells, by the standard library alone: it runs in an environment without ours."""

import argparse
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

WINDOW_MS, BOUND_MS, LATENESS_MS = 10_000, 5_000, 60_000
"""The rule of all: windows of 10 s, events up to 5 s out of order, and 60 s more before a window is closed."""


@dataclass(frozen=True, slots=True)
class Given:
    """A topic with so many records, how many of them lie in windows that are compared, and before which time those are.

    `out`: where to write the rows; `work`: a fresh folder, whose name is the run's consumer group.
    """

    brokers: str
    topic: str
    records: int
    compared: int
    end_ms: int
    out: Path
    work: Path


def ask(about: str) -> Given:
    """From the command line."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--compared", type=int, required=True)
    parser.add_argument("--end-ms", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    given = parser.parse_args()
    return Given(given.brokers, given.topic, given.records, given.compared, given.end_ms, given.out, given.work)


class Progress:
    """Records seen, and when the first and the last of them were, in seconds of a clock that only goes on."""

    def __init__(self) -> None:
        self.records = 0
        self.before = 0
        self.first_s = self.last_s = 0.0

    def begins(self) -> None:
        """Where no record is seen by itself: all of them are read from here on."""
        self.first_s = time.perf_counter()

    def saw(self, records: int) -> None:
        """So many more. The first call's own are not among those between the first and the last."""
        self.last_s = time.perf_counter()
        if not self.first_s:
            self.first_s, self.before = self.last_s, records
        self.records += records

    def tell(self, library: str) -> None:
        """One line of JSON on standard output: what the bench reads."""
        told = {
            "records": self.records,
            "steady_records": self.records - self.before,
            "steady_s": self.last_s - self.first_s,
            "version": version(library),
        }
        print(json.dumps(told), file=sys.stdout, flush=True)


def write_rows(out: Path, rows: Iterable[tuple[str, int, int, float]]) -> None:
    """(key, first millisecond of the window, count, sum) as NDJSON."""
    with out.open("w", encoding="utf-8") as lines:
        for key, window_ms, count, total in rows:
            row = {"key": key, "window_ms": window_ms, "count": count, "sum": total}
            lines.write(json.dumps(row) + "\n")
