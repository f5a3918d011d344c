"""The golden cases: the model and the product, in many cuts, write the folders that were worked out by hand."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow import Pipeline
from tests import harness
from tests.model import expect, files
from tests.model.streams import Cuts

ROOT = Path(__file__).parents[1]
CASES = [pytest.param(case, id=case.name) for case in expect.cases()]


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in sorted(folder.glob("*.csv"))}


def _pipeline(case: Path) -> Pipeline:
    spec = importlib.util.spec_from_file_location(f"golden_{case.name}", case / "pipeline.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert isinstance(module.pipeline, Pipeline)
    return module.pipeline


@pytest.mark.parametrize("case", CASES)
def test_the_model_writes_the_expected_folder(case: Path) -> None:
    assert expect.texts(case) == _texts(case / "expected")


EPOCH = ("epoch", 0, 0)
ONE_BY_ONE = Cuts(tuple(("poll", at % 4, 1) for at in range(80)))
EVERY_ROW_AN_EPOCH = Cuts(tuple(step for at in range(24) for step in (("poll", at % 4, 1), EPOCH)))
BACKWARDS = Cuts((("poll", 3, 9), ("poll", 2, 2), EPOCH, ("poll", 1, 9), EPOCH, ("poll", 0, 5)))
CRASHES = Cuts(
    (("poll", 0, 3), ("poll", 1, 1), EPOCH, ("poll", 0, 2), ("restart", 2, 0), ("poll", 0, 4), EPOCH, ("restart", 1, 0))
)


@pytest.mark.parametrize(
    "cuts",
    [
        pytest.param(Cuts(), id="one_batch"),
        pytest.param(ONE_BY_ONE, id="one_by_one"),
        pytest.param(EVERY_ROW_AN_EPOCH, id="every_row_an_epoch"),
        pytest.param(BACKWARDS, id="backwards"),
        pytest.param(CRASHES, id="crashes"),
    ],
)
@pytest.mark.parametrize("case", CASES)
def test_the_product_writes_the_expected_folder(case: Path, cuts: Cuts, tmp_path: Path) -> None:
    partitions = files.read_folder(case / "input")
    assert harness.run(_pipeline(case), case, partitions, tmp_path, cuts) == _texts(case / "expected")


def _tidemill(folder: Path, *arguments: str, batch: int | None = None) -> None:
    """Run the command in `folder`, a place without any settings file."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    environment["PYTHONPATH"] = str(ROOT)
    if batch is not None:
        environment["TIDEMILL_BATCH_RECORDS"] = str(batch)
    done = subprocess.run(
        [sys.executable, "-m", "run", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"


def _run(case: Path, inputs: Path, folder: Path, *more: str, batch: int | None = None) -> None:
    places = ("--lake", str(folder / "lake"), "--recovery", str(folder / "recovery"))
    source = ("--source", "files", "--input", str(inputs), "--bounded")
    _tidemill(folder, "run", *source, "--pipeline", str(case / "pipeline.py"), *places, *more, batch=batch)


def _dump(folder: Path) -> dict[str, str]:
    _tidemill(folder, "dump", str(folder / "dump"), "--lake", str(folder / "lake"))
    return _texts(folder / "dump")


def _heads(inputs: Path, target: Path) -> None:
    """The first half of each file's lines, under the same names."""
    target.mkdir()
    for path in inputs.glob("*.ndjson"):
        lines = path.read_bytes().split(b"\n")[:-1]
        (target / path.name).write_bytes(b"".join(line + b"\n" for line in lines[: len(lines) // 2]))


# A start of the command costs seconds, so each way of running takes two cases; in-process runs take them all.
COMMANDS = [
    ("sessions", "plain"),
    ("dead_letters", "plain"),
    ("boundaries", "batches_of_1"),
    ("duplicates", "batches_of_1"),
    ("partitions", "batches_of_7"),
    ("money", "batches_of_7"),
    ("negative_times", "batches_of_10000"),
    ("dimensions", "two_workers"),
    ("sessions", "two_workers"),
    ("duplicates", "restart"),
    ("lines", "restart"),
]


@pytest.mark.parametrize(("name", "way"), COMMANDS)
def test_the_command_line_writes_the_expected_folder(name: str, way: str, tmp_path: Path) -> None:
    case = expect.GOLDEN / name
    inputs = tmp_path / "input"
    if way == "restart":
        _heads(case / "input", inputs)
        _run(case, inputs, tmp_path)
        shutil.copytree(case / "input", inputs, dirs_exist_ok=True)
    else:
        shutil.copytree(case / "input", inputs)
    batch = int(way.rpartition("_")[2]) if way.startswith("batches") else None
    workers = ("-w", "2") if way == "two_workers" else ()
    _run(case, inputs, tmp_path, *workers, batch=batch)
    assert _dump(tmp_path) == _texts(case / "expected")
