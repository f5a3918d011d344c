"""One parity run: each engine over the same offsets, and every pair of sides compared."""

import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

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
from proof.standing import NEARLY, Reached, alerts_of, certain

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

    judged: dict[str, tuple[str, ...]] = {}
    for engine in sides.others:
        said = timed(engine.name, partial(engine.ask, plan, pins, kafka))
        tables[engine.name], judged[engine.name] = said.tables, said.judged
        told.append(f"{engine.name}: {said.told}")
    # read after the others, which may have been waiting for records that were not written yet
    records = read(kafka, pins, beside_of(plan))
    opined = timed(DUCKDB, lambda: opinion(plan, records))
    with tempfile.TemporaryDirectory(prefix="tidemill-parity-") as folder:
        own = timed(TIDEMILL, lambda: run_lake(plan, pins, sides.flags, Path(folder)))
    tables = {DUCKDB: opined.tables, TIDEMILL: own, **tables}
    rules = {TIDEMILL: {rule.name for rule in certain(plan, NEARLY)}}
    if plan.alerts:
        newest_ms = opined.newest_ms
        watermark_ms = max(newest_ms.values(), default=0) - plan.out_of_orderness_ms
        reached = Reached(newest_ms, watermark_ms)
        for name, each in tables.items():
            if name != TIDEMILL:
                # what a side has not judged itself is told of its rollups
                by_itself = judged.get(name, ())
                counted = opined.counted if name == DUCKDB else None
                alerts, told_of = alerts_of(plan, each, reached, counted, but=by_itself)
                rules[name] = told_of.union(by_itself)
                known = [each[ALERTS]] if ALERTS in each else []
                tables[name] = {**each, ALERTS: pa.concat_tables([alerts, *known])}
    compared = [
        each
        for a, b in combinations(tables, 2)
        for first, second in [_of_rules([tables[a], tables[b]], rules.get(a, set()) & rules.get(b, set()))]
        for each in compare(plan, a, first, b, second, opined.duplicates)
    ]
    return Verdict(pins, records.num_rows, seconds, tuple(compared), tuple(told))


def _of_rules(sides: Sequence[Tables], rules: Collection[str]) -> list[Tables]:
    """The tables of some sides, with alerts of those rules alone that all of them tell."""
    wanted = pa.array(sorted(rules), pa.string())
    return [
        {**each, ALERTS: each[ALERTS].filter(pc.is_in(each[ALERTS].column("rule"), wanted))} if ALERTS in each else each
        for each in sides
    ]
