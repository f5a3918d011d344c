"""A folder of files under a pipeline that is killed: they grow, are renamed, and new ones take their names."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from query.reader import LakeReader
from tests.chaos import checkers
from tests.chaos.checkers import Anomaly
from tests.chaos.stage import Stage
from tests.chaos.subject import Subject

JOB = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Line(BaseModel):
    id: str
    app: str
    at: EventTime

pipeline = Pipeline("rotated", Line, [Rollup("per_app", ["app"], tumble("1m"), {"lines": agg.count()})])
"""
APPS = ("shop", "bank")
START_MS = 1_700_000_000_000


class Logs:
    """The files of some programs, each of which is rotated as logs are: renamed, and begun anew under its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids: list[str] = []
        self._rotated: Counter[str] = Counter()
        folder.mkdir()

    def write(self, app: str, lines: int) -> None:
        """Add whole lines, each with an id of its own."""
        with (self.folder / f"{app}.ndjson").open("a") as file:
            for _ in range(lines):
                self.ids.append(f"{app}-{len(self.ids)}")
                file.write(json.dumps({"id": self.ids[-1], "app": app, "at": START_MS + len(self.ids)}) + "\n")

    def rotate(self, app: str) -> None:
        """The file gets another name, and its own is that of a new one at once."""
        self._rotated[app] += 1
        (self.folder / f"{app}.ndjson").rename(self.folder / f"{app}-{self._rotated[app]:03}.ndjson")
        self.write(app, 5)


def rotated(stage: Stage) -> None:
    """Files are rotated while the pipeline reads them and while it is down; each line counts once."""
    logs = Logs(stage.folder / "logs")
    stage.pipeline = stage.folder / "job.py"
    stage.pipeline.write_text(JOB)
    for app in APPS:
        logs.write(app, 200)
    with stage.reading():
        for turn in range(max(stage.kills, 2)):
            before = stage.incarnation()
            subject = _start(stage)
            stage.await_takeover(subject, before)
            for _ in range(stage.random.randrange(1, 4)):
                app = stage.random.choice(APPS)
                logs.write(app, stage.random.randrange(1, 200))
                stage.await_progress(subject, seconds=10)
                logs.rotate(app)
                stage.count("file rotated while it is read")
                logs.write(app, stage.random.randrange(1, 50))
            stage.await_progress(subject, seconds=5)
            stage.kill(subject, "kill -9 of the pipeline")
            if turn % 2:
                logs.rotate(stage.random.choice(APPS))
                stage.count("file rotated while down")
        stage.expect_end(_start(stage, "--bounded"), 0)
    with LakeReader(stage.lake) as reader:
        found = reader.query("SELECT id FROM events").column(0).to_pylist()
        counted = reader.query("SELECT sum(lines)::BIGINT AS n FROM per_app").column(0)[0].as_py()
    stage.anomalies += check_lines(logs.ids, found, counted)
    stage.anomalies += checkers.check_leftovers(stage.lake)
    stage.checks["records"] += len(logs.ids)
    stage.checks["comparisons"] += 1
    audit = stage.run_command("audit", *stage.about(source=False), "--source", "files", "--input", str(logs.folder))
    stage.expect_end(audit, 0, "proven: every record of the source is in the lake exactly once")


def _start(stage: Stage, *more: str) -> Subject:
    workers = stage.random.choice(("1", "2"))
    flags = [*stage.about(source=False), "--recovery", str(stage.recovery), "--source", "files"]
    flags += ["--input", str(stage.folder / "logs"), "--epoch-ms", "100", "--workers", workers]
    return stage.run_command("run", *flags, *more)


def check_lines(written: Iterable[str], found: Iterable[str], counted: int) -> list[Anomaly]:
    """Every line that was written is an event once, and is counted once."""
    wanted, there = Counter(written), Counter(found)
    anomalies = checkers.named(checkers.LOST, "events", ((each, 0) for each in (wanted - there).elements()))
    anomalies += checkers.named(checkers.DUPLICATE, "events", ((each, 0) for each in (there - wanted).elements()))
    if counted != wanted.total():
        anomalies.append(Anomaly(checkers.UNEQUAL, f"{counted} lines are counted, {wanted.total()} were written"))
    return anomalies
