"""The errors: one tree, as its own page draws it; they survive the way between processes."""

import pickle
import re

import pytest

from dataflow import errors
from dataflow.errors import ConfigError, PipelineError, StoppedEarly, TidemillError


def tree(kind: type[BaseException], depth: int = 0) -> list[tuple[int, str]]:
    return [(depth, kind.__name__), *(each for below in kind.__subclasses__() for each in tree(below, depth + 1))]


def drawn() -> list[tuple[int, str]]:
    assert errors.__doc__ is not None
    lines = re.findall(r"^ {4}([│├└─ ]*)(\w+)(?: {2,}.*)?$", errors.__doc__, re.MULTILINE)
    return [(len(lead) // 4, name) for lead, name in lines]


def own(kind: type[TidemillError] = TidemillError) -> list[type[TidemillError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in own(below))]


def test_the_drawn_tree_names_every_error_of_the_module() -> None:
    here = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, TidemillError)}
    assert {name for _, name in drawn()} == here


def test_each_kind_of_trouble_has_its_own_exit_code() -> None:
    codes = {kind.__name__: kind.exit_code for kind in TidemillError.__subclasses__()}
    assert {codes[name] for name in ("ConfigError", "PipelineError")} == {2}
    assert (codes["SourceError"], codes["RecoveryError"], codes["LakeError"], codes["QueryError"]) == (3, 4, 5, 1)
    assert StoppedEarly.exit_code == 0


def test_a_setting_that_is_wrong_is_told_with_key_value_and_fix() -> None:
    error = ConfigError("--port", 99_999, "choose one below 65536")
    assert str(error) == "--port = 99999: choose one below 65536"


def test_every_mistake_of_a_pipeline_stands_on_its_own_line() -> None:
    assert str(PipelineError("job.py", ["a"])) == "job.py: 1 mistake\n  - a"
    assert str(PipelineError("job.py", ["a", "b"])) == "job.py: 2 mistakes\n  - a\n  - b"


@pytest.mark.parametrize("error", [ConfigError("key", 5, "fix"), PipelineError("where", ["a", "b"])])
def test_an_error_with_parts_comes_whole_out_of_another_process(error: TidemillError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
