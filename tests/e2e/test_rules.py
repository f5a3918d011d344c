"""Real runs whose rules change on the way, killed at any point: the lake is what log and ledger say, and proven."""

import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from proof.dump import dump
from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.model import adapter, engine
from tests.model import dump as texts
from tests.model.files import read_folder

JOB = """
from typing import Annotated
from annotated_types import Len
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import hop, session, tumble

class Click(BaseModel):
    id: Annotated[str, Len(1, 20)]
    time: EventTime
    who: str

COUNTS = {"clicks": agg.count(), "people": agg.count_distinct("who")}
pipeline = Pipeline(
    "small",
    Click,
    [
        Rollup("minutes", ["who"], tumble("1m"), COUNTS),
        Rollup("slides", [], hop("90s", every="30s"), COUNTS),
        Rollup("visits", ["who"], session("20s"), COUNTS, allowed_lateness="LATENESS"),
    ],
    out_of_orderness="DISORDER",
    allowed_lateness="LATENESS",
    idle_timeout="IDLE",
    deduplicate_by="id",
    deduplicate_within="WITHIN",
)
"""
STRICT = {"DISORDER": "5s", "LATENESS": "0s", "IDLE": "30s", "WITHIN": "1m"}
MILD = {"DISORDER": "2m", "LATENESS": "10m", "IDLE": "1m", "WITHIN": "20m"}
KEEN = {"DISORDER": "0s", "LATENESS": "1s", "IDLE": "1s", "WITHIN": "10s"}
RULES = (STRICT, MILD, KEEN)
SMALL = ("run", "--bounded", "--batch-records", "50", "--epoch-ms", "20")
FILES = ("--pipeline", "job.py", "--source", "files", "--input", "data")
DAY_MS = 1_764_000_000_000

pytestmark = pytest.mark.timeout(600)


class Folder:
    """A working folder with two growing files and a pipeline whose rules are exchanged."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.rng = random.Random(seed)
        self.now_ms = DAY_MS
        self.clicks: list[str] = []
        self.data = path / "data"
        self.data.mkdir()

    def go_by(self, rules: dict[str, str]) -> None:
        (self.path / "job.py").write_text(job(rules))

    def grow(self, records: int) -> None:
        """Add events to both files: out of order, some far behind, some of them again, some broken."""
        for name in ("a", "b"):
            with (self.data / f"{name}.ndjson").open("a") as file:
                for _ in range(records):
                    file.write(f"{self.line()}\n")

    def line(self) -> str:
        """The next record, of any partition."""
        rng = self.rng
        self.now_ms += rng.choice((0, 100, 500, 4_000))
        if rng.random() < 0.02:
            return '{"id": "x"}'
        if self.clicks and rng.random() < 0.15:
            return rng.choice(self.clicks[-600:])
        behind = rng.choice((0, 0, 0, rng.randrange(8_000), rng.randrange(150_000), rng.randrange(900_000)))
        line = json.dumps({"id": f"i{len(self.clicks)}", "time": self.now_ms - behind, "who": rng.choice("abc")})
        self.clicks.append(line)
        return line

    def tidemill(self, *arguments: str) -> str:
        """A command that goes well; what it wrote."""
        done = self.tried(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def tried(self, *arguments: str, fault: str = "") -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        more = {"PYTHONPATH": str(ROOT), "TIDEMILL_FAULT": fault, "TIDEMILL_COMPACT_EVERY": "0s"}
        return subprocess.run(
            [*TIDEMILL, *arguments],
            cwd=self.path,
            env={**clean, **more},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def run(self, *flags: str) -> str:
        return self.tidemill(*SMALL, *FILES, *flags)

    def run_killed(self, fault: str, records: int) -> None:
        """A run that is killed there; a quick one may need more records until it comes so far, and is given them."""
        for _ in range(8):
            done = self.tried(*SMALL, *FILES, fault=fault)
            if done.returncode == -signal.SIGKILL:
                return
            assert done.returncode == 0, done.stdout + done.stderr
            self.grow(records)
            records *= 2
        pytest.fail(f"no run came to {fault}")

    def require_as_the_model_says(self) -> None:
        """Every table against the records, one by one, by the rules that the ledger names; then audit and replay."""
        specs = {}
        for number, rules in enumerate(RULES):
            path = self.path / f"job_{number}.py"
            path.write_text(job(rules))
            specs[rules["DISORDER"]] = adapter.load(path)
        disorder = {5_000: "5s", 120_000: "2m", 0: "0s"}
        partitions = read_folder(self.data)
        held: engine.Held = {}
        with LakeReader(self.path / "lake") as reader:
            lines = reader.query("SELECT * FROM ledger WHERE end_offset > start_offset").to_pylist()
            found = {each.name: each.read_text() for each in dump(reader.snapshot(), self.path / "dump")}
        for line in lines:
            spec = specs[disorder[line["out_of_orderness_ms"]]]
            lateness = {each.name: line[f"{each.name}_allowed_lateness_ms"] for each in spec.rollups}
            assert lateness == {each.name: each.lateness for each in spec.rollups}
            assert line["deduplicate_within_ms"] == spec.dedup_horizon
            offsets = range(line["start_offset"], line["end_offset"])
            held.setdefault(line["partition"], {}).update(dict.fromkeys(offsets, spec))
        assert {name: len(offsets) for name, offsets in held.items()} == {
            name: len(records) for name, records in partitions.items()
        }
        tables = engine.run(specs["5s"], partitions, held=held)
        assert found == texts.texts_of(specs["5s"], tables, events=True)
        assert "proven" in self.tidemill("audit", *FILES)
        assert "every table equals the replay" in self.tidemill("replay", "--check", "-w", "2", *FILES)
        self.tidemill("lateness")


def job(rules: dict[str, str]) -> str:
    text = JOB
    for name, value in rules.items():
        text = text.replace(name, value)
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, seed=1)


def test_rules_change_from_the_next_records_on_as_check_and_run_say(folder: Folder) -> None:
    folder.go_by(STRICT)
    folder.grow(400)
    folder.run()
    folder.grow(300)
    folder.go_by(MILD)
    told = folder.tidemill("check", *FILES)
    assert "out_of_orderness was 5s and is 2m from a offset 400, b offset 400 on" in told
    assert "allowed_lateness of rollup minutes was 0s and is 10m from a offset 400, b offset 400 on" in told
    ran = folder.run()
    assert "deduplicate_within was 1m and is 20m from a offset 400, b offset 400 on" in ran
    assert "rules change" not in folder.run()
    assert "other rules" not in folder.tidemill("check", *FILES)
    folder.grow(300)
    folder.go_by(KEEN)
    folder.run("-w", "2")
    folder.grow(300)
    folder.go_by(MILD)
    folder.run()
    folder.require_as_the_model_says()
    rules = "out_of_orderness_ms AS ms, min(start_offset) AS since"
    told = folder.tidemill(
        "query", f"SELECT partition, {rules} FROM ledger WHERE read > 0 GROUP BY ALL", "--format=csv"
    )
    assert {"a,5000,0", "a,120000,400", "a,0,700", "b,0,700"} <= set(told.splitlines())


@pytest.mark.parametrize(
    "point",
    [
        "before_takeover",
        "after_takeover",
        "before_snapshot",
        "after_snapshot",
        "before_commit",
        "in_commit",
        "after_commit",
    ],
)
def test_a_change_of_rules_that_is_killed_is_made_once_and_from_the_offsets_that_the_ledger_names(
    folder: Folder, point: str
) -> None:
    folder.go_by(STRICT)
    folder.grow(200)
    folder.run_killed("before_commit:2", 200)
    for count, rules in ((1, MILD), (2, KEEN), (1, MILD)):
        folder.go_by(rules)
        once = point.endswith("takeover")
        folder.run_killed(f"{point}:{1 if once else count}", 50)
    folder.grow(150)
    folder.go_by(MILD)
    folder.run_killed(f"{point}:1", 50)
    folder.go_by(KEEN)
    folder.run()
    folder.require_as_the_model_says()


def test_a_lake_whose_rules_changed_is_taken_over(folder: Folder) -> None:
    for rules in (STRICT, KEEN, MILD):
        folder.go_by(rules)
        folder.grow(200)
        folder.run()
    (folder.path / "recovery").rename(folder.path / "lost")
    assert "ids read back" in folder.tidemill("recover", "--from-lake", *FILES)
    folder.grow(200)
    folder.go_by(STRICT)
    folder.run()
    folder.require_as_the_model_says()
