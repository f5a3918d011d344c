"""Pipeline files found by path, run, and their pipelines picked."""

import pickle
import sys
from pathlib import Path

import pytest

from dataflow.errors import ConfigError, PipelineError
from dataflow.pipeline.load import load, load_pipeline, load_sound

HEAD = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Click(BaseModel):
    at: EventTime
    ad: str

clicks = Rollup("clicks", keys=["ad"], window=tumble("1m"), aggregates={"clicks": agg.count()})
"""


def write(folder: Path, text: str, name: str = "job.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_the_name_pipeline_is_taken_by_itself(tmp_path):
    spec = write(tmp_path, HEAD + 'pipeline = Pipeline("a", Click, [clicks])\nother = Pipeline("b", Click, [clicks])\n')
    assert load(spec).name == "a"
    assert load(spec + ":other").name == "b"


def test_the_only_pipeline_of_a_file_needs_no_name(tmp_path):
    assert load(write(tmp_path, HEAD + 'jobs = Pipeline("a", Click, [clicks])\n')).name == "a"


def test_of_several_pipelines_one_must_be_chosen(tmp_path):
    spec = write(tmp_path, HEAD + 'one = Pipeline("a", Click, [clicks])\ntwo = Pipeline("b", Click, [clicks])\n')
    with pytest.raises(ConfigError, match=r"several pipelines \(one, two\); choose one with .*job\.py:NAME"):
        load(spec)
    with pytest.raises(ConfigError, match=r"no Pipeline called tow; did you mean two\?"):
        load(spec + ":tow")


def test_a_path_may_hold_colons_and_spaces(tmp_path):
    folder = tmp_path / "my: jobs"
    folder.mkdir()
    spec = write(folder, HEAD + 'pipeline = Pipeline("a", Click, [clicks])\n')
    assert load(spec).name == load(spec + ":pipeline").name == "a"


def test_two_files_of_one_name_do_not_meet(tmp_path):
    names = []
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        spec = write(tmp_path / folder, HEAD + f'pipeline = Pipeline("{folder}", Click, [clicks])\n')
        names.append(load(spec).name)
    assert names == ["x", "y"]


def test_a_changed_file_is_read_anew(tmp_path):
    spec = write(tmp_path, HEAD + 'pipeline = Pipeline("a", Click, [clicks])\n')
    load(spec)
    write(tmp_path, HEAD + 'pipeline = Pipeline("b", Click, [clicks])\n')
    assert load(spec).name == "b"
    assert [path.name for path in tmp_path.iterdir()] == ["job.py"]


def test_dimension_paths_are_relative_to_the_pipeline_file(tmp_path, monkeypatch):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "ads.csv").write_text("ad,shop\nx,y\n")
    spec = write(
        tmp_path,
        HEAD
        + "from dataflow import Dimension\n"
        + 'ads = Dimension("ads", "d/ads.csv", "ad", {"shop": str})\n'
        + 'pipeline = Pipeline("a", Click, [clicks], dimensions=[ads])\n',
    )
    monkeypatch.chdir("/")
    assert len(load(spec).dimensions[0].keys) == 1


def test_a_file_beside_it_can_be_imported_and_the_module_path_stays_as_it_was(tmp_path):
    write(tmp_path, "LATENESS = '7s'\n", "neighbour_of_job.py")
    write(tmp_path, "raise RuntimeError('hides the standard library')\n", "decimal.py")
    spec = write(
        tmp_path,
        HEAD
        + "from decimal import Decimal\nfrom neighbour_of_job import LATENESS\n"
        + 'pipeline = Pipeline("a", Click, [clicks], allowed_lateness=LATENESS)\n',
    )
    before = list(sys.path)
    assert load(spec).rollups[0].allowed_lateness_ms == 7_000
    assert sys.path == before
    del sys.modules["neighbour_of_job"]


def test_a_loaded_plan_can_be_pickled(tmp_path):
    plan = load(write(tmp_path, HEAD + 'pipeline = Pipeline("a", Click, [clicks])\n'))
    assert pickle.loads(pickle.dumps(plan)).event.model is plan.event.model


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (1,\n", r"job\.py, line 1: '\(' was never closed; correct the file"),
        ("x = 1\ny = x / 0\n", r"job\.py, line 2: ZeroDivisionError: division by zero"),
        ("\nimport no_such_package\n", r"job\.py, line 2: ModuleNotFoundError: No module named 'no_such_package'"),
        ("raise SystemExit(3)\n", r"job\.py, line 1: SystemExit: 3"),
        ("class Odd(BaseException): pass\nraise Odd('x')\n", r"job\.py, line 2: Odd: x; correct the file"),
        (HEAD + "import re\nre.compile('(')\n", r"job\.py, line 13: error: missing \)"),
        (
            HEAD + "from typing import Annotated\nfrom pydantic import Field\n"
            "class Bad(BaseModel):\n    name: Annotated[str, Field(pattern='(')]\n",
            r"job\.py, line 14: SchemaError: .*Field \"name\": .*regex parse error: .*unclosed group; correct the file",
        ),
        (
            HEAD + "from typing import Annotated\nfrom pydantic import Field\n"
            "class Bad(BaseModel):\n    n: Annotated[int, Field(multiple_of=0)]\nBad(n=3)\n",
            r"job\.py, line 14: SchemaError: .*'multiple_of' must be .* greater than 0; correct the file",
        ),
        ("x = 1\n", r"job\.py defines no Pipeline; write pipeline = Pipeline\(...\) in it"),
        ("x = '\0'\n", r"job\.py"),
    ],
)
def test_a_file_that_does_not_run_is_a_config_error_with_its_line(tmp_path, text, message):
    spec = write(tmp_path, text)
    modules = set(sys.modules)
    with pytest.raises(ConfigError, match=message):
        load_pipeline(spec)
    assert not {
        name for name in set(sys.modules) - modules if name.startswith("tidemill_pipeline_") and text != "x = 1\n"
    }


def test_a_missing_file_and_a_folder_are_said(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no file .*nope\.py in .*; give PATH\[:NAME\]"):
        load(str(tmp_path / "nope.py"))
    with pytest.raises(ConfigError, match=r"there is no file .*nope\.py"):
        load(str(tmp_path / "nope.py") + ":jobs")
    with pytest.raises(ConfigError, match="is a folder; name a Python file in it"):
        load(str(tmp_path))


def test_mistakes_name_the_file(tmp_path):
    spec = write(tmp_path, HEAD + 'pipeline = Pipeline("a", Click, [clicks], idle_timeout="x", max_future="y")\n')
    with pytest.raises(PipelineError, match=r"job\.py: pipeline a: 2 mistakes") as caught:
        load(spec)
    assert len(caught.value.mistakes) == 2


SOUND = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Click(BaseModel):
    at: EventTime
    ad: str

def rollup(name, key):
    return Rollup(name, [key], tumble("1m"), {"n": agg.count()})

pipeline = Pipeline("x", Click, [rollup("good", "ad"), rollup("bad", "adv"), rollup("two", "ad"), rollup("two", "ad")])
no_event = Pipeline("y", dict, [rollup("good", "ad")])
"""


def test_the_sound_rollups_of_a_pipeline_with_mistakes_make_a_plan(tmp_path):
    path = tmp_path / "p.py"
    path.write_text(SOUND.replace(', rollup("two", "ad"), rollup("two", "ad")', ""))
    plan, wrong = load_sound(str(path))
    assert plan is not None
    assert ([rollup.name for rollup in plan.rollups], wrong) == (["good"], ["bad"])
    path.write_text(SOUND)
    assert load_sound(str(path)) == (None, ["good", "bad", "two", "two"])
    assert load_sound(f"{path}:no_event") == (None, ["good"])


@pytest.mark.parametrize("old", ["from dataflow.nothing import Pipeline", "import dataflow.nothing"])
def test_where_it_is_installed_an_import_of_the_trees_folder_is_told_what_to_write(tmp_path, monkeypatch, old):
    spec = write(tmp_path, f"import sys\n{old}\n")
    with pytest.raises(ConfigError, match=r"job\.py, line 2: ModuleNotFoundError"):
        load(spec)
    monkeypatch.setattr("dataflow.pipeline.load.INSTALLED", True)
    with pytest.raises(
        ConfigError, match=r"line 2: write `from tidemill import \.\.\.` for `from dataflow import"
    ) as told:
        load(spec)
    assert "\n" not in str(told.value)


def test_another_module_that_is_missing_is_not_taken_for_one_of_the_tree(tmp_path, monkeypatch):
    monkeypatch.setattr("dataflow.pipeline.load.INSTALLED", True)
    with pytest.raises(ConfigError, match="No module named 'dataflowing'"):
        load(write(tmp_path, "import dataflowing\n"))
