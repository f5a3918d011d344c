"""Every case of parity on a real Kafka, a real Flink and a real Spark: what is asked, and how it went."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataflow.errors import PipelineError, TidemillError
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from flink.cluster.cluster import FlinkCluster
from flink.parity.job import Asked, FlinkEngine
from proof.parity.adversary import Written, adversary
from proof.parity.engine import Engine
from proof.parity.records import Kafka
from proof.parity.run import PREFIX, Sides, run, stage
from proof.parity.verdict import Verdict
from spark.generate.options import Form as SparkForm
from spark.parity.job import SparkEngine
from tests.flink.contract.served import served
from tests.flink.parity.encoded import encoded, knows_schemas

CASES = Path(__file__).parent / "cases"
STALL_SECONDS = 10.0
"""Longer than any idle timeout that a job of ours has."""


@dataclass(frozen=True)
class Case:
    """One row of the matrix: a pipeline file, and the runs of Flink and Spark that are compared with it.

    `share`: of each partition's records what is there when the jobs start. `stall`: the last partition's rest comes
    that much later. `refused`: what the refusal says where Flink's SQL cannot say the pipeline.
    """

    name: str
    pipeline: str
    asked: tuple[Asked, ...] = ()
    share: float = 1.0
    stall: float = 0.0
    refused: str | None = None
    spark: tuple[SparkForm, ...] = ()

    @property
    def engines(self) -> list[str]:
        """The names of the sides beside Tidemill and DuckDB."""
        return [*(each.name for each in self.asked), *(SparkEngine(form).name for form in self.spark)]


def _each(form: str, *parallelism: int) -> tuple[Asked, ...]:
    return tuple(Asked("final" if form == "final" else "upsert", number) for number in parallelism)


BOTH: tuple[SparkForm, ...] = ("batch", "stream")

MATRIX = (
    Case("tumble, hop, cumulate; lateness allowed", "windows", (*_each("upsert", 1, 2, 4), *_each("final", 1, 2, 4)),
         spark=BOTH),
    Case("no lateness allowed", "strict", (*_each("upsert", 2), *_each("final", 2)), spark=("batch",)),
    Case("sessions", "sessions", _each("final", 1, 2, 4), spark=BOTH),
    Case("dimensions", "dimensions", (*_each("upsert", 1, 2), *_each("final", 2)), spark=("batch",)),
    Case("Avro, a registry's schemas", "avro", (*_each("upsert", 1, 2), *_each("final", 2))),
    Case("Protobuf, a registry's schemas", "protobuf", (*_each("upsert", 1, 2), *_each("final", 2))),
    Case("dedup", "dedup", (*_each("upsert", 1, 2), *_each("final", 1, 2)), spark=BOTH),
    Case("sketches", "sketches", refused="approx_count_distinct"),
    Case("expressions", "expressions", (*_each("upsert", 2), *_each("final", 2)), spark=("batch",)),
    Case("fractions of milliseconds, uneven hops", "fractions", _each("upsert", 1, 2), spark=("batch",)),
    Case("alert rules", "rules", (*_each("upsert", 2), *_each("final", 2))),
    Case("a partition stalls", "windows", _each("upsert", 2), share=0.5, stall=STALL_SECONDS),
    Case("TaskManager killed -9", "windows", (Asked("upsert", 2, kill=True),), share=0.5),
    Case("TaskManager killed -9, sessions", "sessions", (Asked("final", 2, kill=True),), share=0.5),
    Case("savepoint, gone on", "windows", (Asked("upsert", 4, savepoint=True),), share=0.5),
    Case("savepoint, then killed -9", "windows", (Asked("upsert", 2, kill=True, savepoint=True),), share=0.5),
    Case("dedup, savepoint, gone on", "dedup", (Asked("upsert", 2, savepoint=True),), share=0.5),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a case went. `verdict` is None where a side gave no answer; `failed` says why."""

    case: Case
    verdict: Verdict | None
    seconds: float
    failed: str | None = None

    @property
    def is_equal(self) -> bool:
        return self.failed is None and self.verdict is not None and self.verdict.is_equal


def play(case: Case, kafka: Kafka, cluster: FlinkCluster, *, seed: int, records: int) -> Outcome:
    """One case from a fresh topic to its verdict."""
    began = time.monotonic()
    try:
        verdict = _verdict(case, kafka, cluster, seed, records)
        failed = None
    except TidemillError as error:
        verdict, failed = None, str(error)
    return Outcome(case, verdict, time.monotonic() - began, failed)


def _verdict(case: Case, kafka: Kafka, cluster: FlinkCluster, seed: int, records: int) -> Verdict:
    spec = str(CASES / f"{case.pipeline}.py")
    plan = load(spec)
    if case.refused is not None:
        _require_refused(case, kafka, cluster)
    if plan.format.name == "json":
        return _compared(case, plan, kafka, cluster, adversary(plan, seed, records))
    with served() as registry:
        knows_schemas(registry)
        known = replace(kafka, registry=registry.url)
        made = encoded(plan, seed, records)
        return _compared(case, replace(plan, schemas=registry), known, cluster, made)


def _compared(
    case: Case, plan: Plan, kafka: Kafka, cluster: FlinkCluster, made: Sequence[Sequence[Written]]
) -> Verdict:
    spec = str(CASES / f"{case.pipeline}.py")
    pins, rest = stage(kafka, made, case.share, between=lambda: time.sleep(case.stall))
    once = _once(rest)
    engines: list[Engine] = [FlinkEngine(replace(each, rest=once), cluster) for each in case.asked]
    engines += [SparkEngine(form) for form in case.spark]
    flags = ["--pipeline", spec, "--brokers", kafka.brokers, "--group", PREFIX]
    if kafka.registry is not None:
        flags += ["--kafka", f"schema.registry.url={kafka.registry}"]
    return run(plan, kafka, pins, Sides(flags, engines))


def _once(rest: Callable[[], None]) -> Callable[[], None]:
    left = [rest]
    return lambda: left.pop()() if left else None


def _require_refused(case: Case, kafka: Kafka, cluster: FlinkCluster) -> None:
    from flink.generate.generate import generate
    from flink.generate.options import Options

    try:
        generate(load(str(CASES / f"{case.pipeline}.py")), Options(brokers=kafka.brokers))
    except PipelineError as error:
        if str(case.refused) in str(error):
            return
        raise
    raise TidemillError(f"{case.name}: Flink's job should have been refused for {case.refused}")


def table(outcomes: Sequence[Outcome]) -> str:
    """A row per case."""
    lines = ["| case | compared with DuckDB's reading, and with each other | records | rows compared | equal | s |"]
    lines.append("| --- | --- | ---: | ---: | --- | ---: |")
    return "\n".join([*lines, *map(_row, outcomes)])


def _row(outcome: Outcome) -> str:
    case, verdict = outcome.case, outcome.verdict
    sides = ", ".join(["tidemill", *case.engines])
    if case.refused is not None:
        sides += f" (Flink: refused for `{case.refused}`)"
    records = rows = "-"
    if verdict is not None:
        records, rows = f"{verdict.records:,}", f"{sum(each.rows[0] for each in verdict.comparisons):,}"
    said = "yes" if outcome.is_equal else "NO"
    return f"| {case.name} | {sides} | {records} | {rows} | {said} | {outcome.seconds:.0f} |"


def troubles(outcome: Outcome) -> Iterator[str]:
    """What was not equal."""
    if outcome.failed is not None:
        yield outcome.failed
    if outcome.verdict is not None:
        yield from (each.told() for each in outcome.verdict.comparisons if not each.is_equal)
