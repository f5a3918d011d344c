"""The rules of a living lake change with every run: stopped, killed at random and killed at its points."""

import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataflow.durations import to_ms
from query.reader import LakeReader
from tests.chaos import living, recount
from tests.chaos.checkers import Judged, check_rules
from tests.chaos.kills import die_at
from tests.chaos.stage import Stage
from tests.model import adapter, engine
from tests.model.spec import PipelineSpec

POINTS = (
    ("after_snapshot", 6),
    ("before_takeover", 1),
    ("in_commit", 4),
    ("after_takeover", 1),
    ("before_commit", 4),
    ("after_commit", 4),
    ("before_snapshot", 6),
)
"""(point, the largest count to draw): between two runs, the rules must change whole or not at all."""

CHOICES: dict[str, tuple[str, ...]] = {
    "allowed_lateness": ("0s", "5s", "30s", "5m"),
    "lateness": ("0s", "10s", "1m"),
    "idle_timeout": ("1s", "30s", "5m"),
    "deduplicate_within": ("1s", "4s", "10s", "2m"),
}
DISORDER_MS = ((0, 1_000, 5_000), (30_000, 60_000))
"""In turn less and more, so that watermarks jump and stand."""


@dataclass
class Book:
    """The rules of each run, in order; no two are equal, so that a range of the ledger names its run."""

    stage: Stage
    runs: list[dict[str, int]] = field(default_factory=list)
    specs: list[PipelineSpec] = field(default_factory=list)

    def turn_over(self) -> None:
        """The next run has other rules: a pipeline file of its own."""
        rng = self.stage.random
        drawn: dict[str, Any] = {name: rng.choice(values) for name, values in CHOICES.items()}
        drawn["out_of_orderness"] = f"{rng.choice(DISORDER_MS[len(self.runs) % 2]) + len(self.runs)}ms"
        path = living.write(self.stage.folder / f"living_{len(self.runs)}.py", **drawn)
        self.stage.pipeline = path
        self.runs.append(_as_told(drawn))
        self.specs.append(adapter.load(path))

    def held(self, judged: list[Judged]) -> engine.Held:
        """By source partition and offset the pipeline that the ledger names."""
        held: engine.Held = {}
        for each in judged:
            rules = dict(each.rules)
            if rules in self.runs:
                spec = self.specs[self.runs.index(rules)]
                held.setdefault(each.partition, {}).update(dict.fromkeys(range(each.start, each.end), spec))
        return held


def _as_told(drawn: dict[str, str]) -> dict[str, int]:
    """The rules as the ledger's columns have them."""
    told = {f"{name}_ms": to_ms(drawn[name]) for name in ("out_of_orderness", "deduplicate_within", "idle_timeout")}
    for rollup in living.ROLLUPS:
        written = drawn["lateness"] if rollup == "slides" else drawn["allowed_lateness"]
        told[f"{rollup}_allowed_lateness_ms"] = to_ms(written)
    return told


def judged_ranges(lake: Path) -> list[Judged]:
    """The ledger's ranges with the rules that it names for them."""
    names = [f"{name}_ms" for name in ("out_of_orderness", "deduplicate_within", "idle_timeout")]
    names += [f"{rollup}_allowed_lateness_ms" for rollup in living.ROLLUPS]
    sql = f"SELECT partition, start_offset, end_offset, {', '.join(names)} FROM ledger WHERE end_offset > start_offset"
    with LakeReader(lake) as reader:
        return [
            Judged(partition, start, end, dict(zip(names, rules, strict=True)))
            for partition, start, end, *rules in (row.values() for row in reader.query(sql).to_pylist())
        ]


def changing(stage: Stage) -> None:
    """Every run goes by other rules and ends as it may; every record went by those that the ledger names."""
    topic = stage.make_topic()
    book = Book(stage)
    with stage.reading(), stage.feed(rate=400, limit=15_000 if stage.full else 6_000):
        for turn in range(stage.kills):
            book.turn_over()
            if turn % 4 == 1:
                before = stage.incarnation()
                subject = stage.start()
                stage.await_takeover(subject, before)
                stage.await_progress(subject, stage.random.randrange(1, 4), seconds=20)
                subject.send(signal.SIGTERM)
                stage.expect_end(subject, 0)
                stage.count("stopped by SIGTERM")
                book.turn_over()
            if turn % 2:
                subject = stage.start()
                stage.await_progress(subject, stage.random.randrange(1, 5), seconds=20)
                time.sleep(stage.random.random() * 0.3)
                stage.kill(subject, "kill -9 at a random moment")
            else:
                point, most = POINTS[turn // 2 % len(POINTS)]
                fault = f"{point}:{stage.random.randrange(1, most + 1)}"
                die_at(stage, stage.start(fault=fault, parallel=stage.random.choice((("1", "1"), ("4", "1")))), point)
    # the last rules must hold for something
    book.turn_over()
    topic.write(400)
    stage.count("rules changed", len(book.runs) - 1)
    finish(stage, book)


def finish(stage: Stage, book: Book) -> None:
    """Read what is left, and check everything against the model by the rules that the ledger names."""
    stage.expect_end(stage.start("--bounded"), 0)
    judged = judged_ranges(stage.lake)
    stage.anomalies += check_rules(judged, book.runs)
    stage.checks["ranges of rules"] += len({(each.partition, *each.rules.values()) for each in judged})
    count = recount.expect_topic_apart if stage.full else recount.expect_topic
    stage.check(count(stage.bootstrap, stage.topic_name, stage.pipeline, book.held(judged)))
    stage.prove()
