"""Real runs whose dimension's file changes on the way, killed at any point: each row met the file of its own run."""

import hashlib
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
from tests.model.spec import PipelineSpec

JOB = """
from typing import Annotated
from annotated_types import Len
from pydantic import BaseModel
from dataflow import Dimension, EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import session, tumble

class Sale(BaseModel):
    id: Annotated[str, Len(1, 20)]
    time: EventTime
    shop: str | None = None

COUNTS = {"sales": agg.count(), "shops": agg.count_distinct("shop"), "most": agg.max("area")}
pipeline = Pipeline(
    "small",
    Sale,
    [
        Rollup("regions", ["region"], tumble("1m"), COUNTS),
        Rollup("big", [], tumble("5m"), COUNTS, where="area > 10"),
        Rollup("visits", ["region"], session("20s"), COUNTS, allowed_lateness="1m"),
        #LATER
    ],
    out_of_orderness="5s",
    deduplicate_by="id",
    deduplicate_within="1m",
    dimensions=[Dimension("shops", "shops.csv", "shop", {"region": str, "area": int}, unknown="UNKNOWN")],
)
"""
LATER = 'Rollup("later", ["region"], tumble("10m"), COUNTS),'

FIRST = ("shop,region,area\na,north,5\nb,north,20\nc,south,30\n", "null")
MOVED = ("shop,region,area\na,south,50\nc,south,\nd,west,11\n", "null")
STRICT = (MOVED[0], "dead_letter")
LAST = ("shop,region,area\nb,east,1\nc,east,99\n", "dead_letter")
EVERY = (FIRST, MOVED, STRICT, LAST)

FILES = ("--pipeline", "job.py", "--source", "files", "--input", "data")
DAY_MS = 1_764_000_000_000

pytestmark = pytest.mark.timeout(600)

Form = tuple[str, str]
"""A dimension's file, and what an unknown key is."""


class Folder:
    """A working folder with two growing files and a pipeline whose dimension is exchanged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rng = random.Random(3)
        self.now_ms = DAY_MS
        self.lines: list[str] = []
        self.later = False
        self.data = path / "data"
        self.data.mkdir()

    @property
    def kept(self) -> dict[str, bytes]:
        """The lake's copies of the dimension's files, by their names."""
        return {path.name: path.read_bytes() for path in (self.path / "lake" / "dimensions").iterdir()}

    def go_by(self, form: Form) -> None:
        text, unknown = form
        (self.path / "shops.csv").write_text(text)
        job = JOB.replace("#LATER", LATER) if self.later else JOB
        (self.path / "job.py").write_text(job.replace("UNKNOWN", unknown))

    def grow(self, records: int) -> None:
        """Add events to both files: out of order, some late, some of them again, some of unknown shops or of none."""
        for name in ("a", "b"):
            with (self.data / f"{name}.ndjson").open("a") as file:
                for _ in range(records):
                    file.write(f"{self.line()}\n")

    def line(self) -> str:
        rng = self.rng
        self.now_ms += rng.choice((0, 100, 500, 4_000))
        if self.lines and rng.random() < 0.1:
            return rng.choice(self.lines[-50:])
        behind = rng.choice((0, 0, 0, rng.randrange(8_000), rng.randrange(90_000)))
        shop = rng.choice(("a", "b", "c", "d", "e", None))
        self.lines.append(json.dumps({"id": f"i{len(self.lines)}", "time": self.now_ms - behind, "shop": shop}))
        return self.lines[-1]

    def tidemill(self, *arguments: str, fault: str = "", code: int | None = 0) -> str:
        """A command to its end; what it wrote. None is any exit code."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        more = {"PYTHONPATH": str(ROOT), "TIDEMILL_FAULT": fault, "TIDEMILL_COMPACT_EVERY": "0s"}
        done = subprocess.run(
            [*TIDEMILL, *arguments],
            cwd=self.path,
            env={**clean, **more},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done.stdout + done.stderr

    def run(self, *flags: str, fault: str = "", code: int = 0) -> str:
        small = ("--batch-records", "50", "--epoch-ms", "20")
        return self.tidemill("run", "--bounded", *small, *FILES, *flags, fault=fault, code=code)

    def specs(self) -> dict[Form, PipelineSpec]:
        """The model's pipeline with each form of the dimension."""
        found = {}
        side = self.path / "side"
        side.mkdir(exist_ok=True)
        for number, (text, unknown) in enumerate(EVERY):
            (side / "shops.csv").write_text(text)
            path = side / f"job_{number}.py"
            path.write_text(JOB.replace("UNKNOWN", unknown))
            found[text, unknown] = adapter.load(path)
        return found

    def require_as_the_model_says(self) -> set[Form]:
        """Every table against the records, one by one, by the file that the ledger names; then audit and replay.

        Returns the forms of the dimension that rows have met.
        """
        specs, partitions = self.specs(), read_folder(self.data)
        by_digest = {(hashlib.sha256(text.encode()).hexdigest(), unknown): (text, unknown) for text, unknown in EVERY}
        held: engine.Held = {}
        met: set[Form] = set()
        with LakeReader(self.path / "lake") as reader:
            lines = reader.query("SELECT * FROM ledger WHERE end_offset > start_offset").to_pylist()
            found = {each.name: each.read_text() for each in dump(reader.snapshot(), self.path / "dump")}
        for line in lines:
            (joined,) = json.loads(line["dimensions"])
            assert (joined["name"], joined["key"]) == ("shops", "shop")
            form = by_digest[joined["sha256"], joined["unknown"]]
            assert self.kept[f"{joined['sha256']}.csv"] == form[0].encode()
            met.add(form)
            offsets = range(line["start_offset"], line["end_offset"])
            held.setdefault(line["partition"], {}).update(dict.fromkeys(offsets, specs[form]))
        assert {name: len(offsets) for name, offsets in held.items()} == {
            name: len(records) for name, records in partitions.items()
        }
        tables = engine.run(specs[FIRST], partitions, held=held)
        assert found == texts.texts_of(specs[FIRST], tables, events=True)
        self.require_proven()
        return met

    def require_proven(self) -> None:
        assert "proven" in self.tidemill("audit", *FILES)
        assert "every table equals the replay" in self.tidemill("replay", "--check", "-w", "2", *FILES)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_row_meets_the_dimension_as_it_was_when_the_row_was_read(folder: Folder) -> None:
    for form, flags in ((FIRST, ()), (MOVED, ("-w", "2")), (STRICT, ("--processes", "2")), (LAST, ()), (FIRST, ())):
        folder.go_by(form)
        folder.grow(200)
        folder.run(*flags)
    assert folder.require_as_the_model_says() == set(EVERY)
    assert len(folder.kept) == 3
    with LakeReader(folder.path / "lake") as reader:
        regions = reader.query("SELECT DISTINCT region FROM events WHERE shop = 'a' ORDER BY ALL").to_pylist()
    assert regions == [{"region": "north"}, {"region": "south"}]


def test_check_and_run_say_from_which_offsets_on_another_file_holds(folder: Folder) -> None:
    folder.go_by(FIRST)
    folder.grow(40)
    folder.run()
    folder.grow(30)
    folder.go_by(LAST)
    was, becomes = (hashlib.sha256(text.encode()).hexdigest()[:12] for text, _ in (FIRST, LAST))
    said = [
        f"file of dimension shops was {was} and is {becomes} from a offset 40, b offset 40 on",
        "unknown of dimension shops was null and is dead_letter from a offset 40, b offset 40 on",
    ]
    told = folder.tidemill("check", *FILES)
    assert [line for line in said if line not in told] == []
    assert "the lake keeps a copy of its file" in told
    ran = folder.run()
    assert [line for line in said if line not in ran] == []
    examined = folder.tidemill("doctor", *FILES, code=None)
    assert f"file of dimension shops was {was} and is {becomes}" in examined
    assert "copies of 2 files that rows were joined with" in examined


def test_a_lake_is_proven_with_a_file_beside_it_that_no_run_has_seen(folder: Folder) -> None:
    folder.go_by(FIRST)
    folder.grow(40)
    folder.run()
    folder.go_by((LAST[0], FIRST[1]))
    folder.require_proven()


@pytest.mark.parametrize(
    "point",
    [
        "before_dimension",
        "in_dimension",
        "after_dimension",
        "after_takeover",
        "after_snapshot",
        "before_commit",
        "in_commit",
        "after_commit",
    ],
)
def test_a_change_that_is_killed_leaves_a_lake_whose_rows_met_the_files_that_it_names(
    folder: Folder, point: str
) -> None:
    killed = -signal.SIGKILL
    folder.go_by(FIRST)
    folder.grow(150)
    folder.run(fault=f"{point}:1", code=killed)
    for form in (MOVED, LAST):
        folder.go_by(form)
        folder.grow(50)
        folder.run(fault=f"{point}:1", code=killed)
    folder.go_by(STRICT)
    folder.run()
    folder.grow(50)
    folder.go_by(FIRST)
    folder.run()
    folder.require_as_the_model_says()
    wrong = {name for name, content in folder.kept.items() if name != f"{hashlib.sha256(content).hexdigest()}.csv"}
    assert wrong == set()


def test_a_copy_that_is_gone_or_damaged_is_named_and_all_is_proven_again_once_it_is_back(folder: Folder) -> None:
    for form in (FIRST, MOVED):
        folder.go_by(form)
        folder.grow(60)
        folder.run()
    sha256 = hashlib.sha256(FIRST[0].encode()).hexdigest()
    copy = folder.path / "lake" / "dimensions" / f"{sha256}.csv"
    content = copy.read_bytes()
    for damage in (lambda: copy.write_bytes(content[:-3]), copy.unlink):
        damage()
        said = folder.tidemill("audit", *FILES)
        assert f"by the file of SHA-256 {sha256}, and the lake keeps no copy of it" in " ".join(said.split())
        assert str(copy) in said
        said = folder.tidemill("replay", "--check", *FILES, code=5)
        assert f"put the file of SHA-256 {sha256} back as" in said
        said = folder.tidemill("doctor", *FILES, code=None)
        assert f"{sha256}.csv" in said
        # a run does not need it
        folder.grow(10)
        folder.run()
    copy.write_bytes(content)
    folder.require_as_the_model_says()
    copy.unlink()
    # the same file used again is the copy again
    folder.go_by(FIRST)
    folder.grow(10)
    folder.run()
    assert copy.read_bytes() == content
    folder.require_as_the_model_says()


def test_a_rollup_that_came_later_is_filled_with_each_rows_own_region(folder: Folder) -> None:
    for form in (FIRST, MOVED, LAST):
        folder.go_by(form)
        folder.grow(100)
        folder.run()
    folder.later = True
    folder.go_by(STRICT)
    folder.grow(20)
    folder.run()
    folder.tidemill("backfill", "later", "--pipeline", "job.py", "--trust-duplicates")
    folder.require_proven()
    with LakeReader(folder.path / "lake") as reader:
        regions = {row["region"] for row in reader.query("SELECT DISTINCT region FROM later").to_pylist()}
    assert regions == {"north", "south", "east", "west", None}


def test_a_lake_whose_dimension_changed_is_taken_over_compacted_and_erased_from(folder: Folder) -> None:
    for form in (FIRST, STRICT, LAST):
        folder.go_by(form)
        folder.grow(80)
        folder.run()
    (folder.path / "recovery").rename(folder.path / "lost")
    assert "ids read back" in folder.tidemill("recover", "--from-lake", *FILES)
    folder.grow(30)
    folder.go_by(MOVED)
    folder.run()
    kept = folder.kept
    folder.tidemill("compact", "--retain", "0s", "--grace", "0s")
    assert folder.kept == kept
    assert folder.require_as_the_model_says() == set(EVERY)
    told = folder.tidemill("erase", "--where", "shop = 'c'", "--yes", "--most-rows", "1000")
    assert folder.kept == kept
    assert told.count("csv: cells of a dimension's file that rows were joined with (1)") == 3
    assert "but for the rows erased" in folder.tidemill("audit", *FILES)
