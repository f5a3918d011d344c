"""One parity run: each engine over the same offsets, and every pair of sides compared."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from dataflow.decode.decoder import beside_of
from dataflow.pipeline.names import ALERTS
from dataflow.pipeline.plan import Plan
from proof.parity.adversary import Written
from proof.parity.compare import compare
from proof.parity.engine import Engine
from proof.parity.lake import run_lake
from proof.parity.layout import Tables
from proof.parity.opinion import opinion
from proof.parity.produce import fresh_topic, write
from proof.parity.records import Kafka, Pins, read
from proof.parity.verdict import Verdict
from proof.standing import alerts_of

DUCKDB, TIDEMILL = "duckdb", "tidemill"
PREFIX = "tidemill-parity"

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Sides:
    """Who is asked beside DuckDB: this engine by the flags of `tidemill run`, and the others."""

    flags: Sequence[str] = ()
    others: Sequence[Engine] = field(default_factory=tuple)


def stage(
    kafka: Kafka,
    made: Sequence[Sequence[Written]],
    share: float = 1.0,
    between: Callable[[], None] = lambda: None,
) -> tuple[Pins, Callable[[], None]]:
    """A fresh topic with the first `share` of each partition's records, pinned to all of them; what writes the rest.

    `between` is called before the last partition's rest is written.
    """
    topic = fresh_topic(kafka, PREFIX, len(made))
    cuts = [int(len(part) * share) for part in made]
    write(kafka, topic, [each for part, cut in zip(made, cuts, strict=True) for each in part[:cut]])

    def rest() -> None:
        *others, last = [part[cut:] for part, cut in zip(made, cuts, strict=True)]
        write(kafka, topic, [each for part in others for each in part])
        if any(map(len, others)) or last:
            between()
        write(kafka, topic, last)

    return Pins(topic, {number: (0, len(part)) for number, part in enumerate(made)}), rest


def run(plan: Plan, kafka: Kafka, pins: Pins, sides: Sides) -> Verdict:
    """Ask every side and compare each pair. Raises what a side does that cannot answer."""
    seconds: dict[str, float] = {}
    tables: dict[str, Tables] = {}
    told: list[str] = []

    def timed(name: str, make: Callable[[], _Made]) -> _Made:
        began = time.monotonic()
        made = make()
        seconds[name] = time.monotonic() - began
        return made

    for engine in sides.others:
        said = timed(engine.name, partial(engine.ask, plan, pins, kafka))
        tables[engine.name] = said.tables
        told.append(f"{engine.name}: {said.told}")
    # read after the others, which may have been waiting for records that were not written yet
    records = read(kafka, pins, beside_of(plan))
    opined = timed(DUCKDB, lambda: opinion(plan, records))
    with tempfile.TemporaryDirectory(prefix="tidemill-parity-") as folder:
        own = timed(TIDEMILL, lambda: run_lake(plan, pins, sides.flags, Path(folder)))
    tables = {DUCKDB: opined.tables, **tables}
    if plan.alerts:
        # no other side judges rules: what they come to is told of its rollups
        tables = {name: {**each, ALERTS: alerts_of(plan, each)} for name, each in tables.items()}
    tables = {DUCKDB: tables.pop(DUCKDB), TIDEMILL: own, **tables}
    compared = [
        each
        for a, b in combinations(tables, 2)
        for each in compare(plan, a, tables[a], b, tables[b], opined.duplicates)
    ]
    return Verdict(pins, records.num_rows, seconds, tuple(compared), tuple(told))
