"""The errors: one tree, as its own page draws it; they survive the way between processes."""

import pickle
import re

import pytest

from dataflow import errors
from dataflow.errors import ConfigError, PipelineError, StoppedEarly, TidemillError

LINE = re.compile(r"^(?P<branch>(?:│   |    )*(?:├── |└── )?)(?P<name>\w+) *(?:exit (?P<code>\d+))?(?:: )?")


def classes() -> dict[str, type[TidemillError]]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.__name__: kind for kind in kinds if issubclass(kind, TidemillError)}


def drawn(docstring: str) -> dict[str, tuple[str | None, int]]:
    """Class name -> parent's name and exit code, of the lines that are drawn in the docstring."""
    tree: dict[str, tuple[str | None, int]] = {}
    above: list[str] = []
    for line in docstring.splitlines():
        match = LINE.match(line.removeprefix("    ")) if line.startswith("    ") else None
        if match is None:
            continue
        depth = len(match["branch"]) // 4
        above[depth:] = [match["name"]]
        parent = above[depth - 1] if depth else None
        inherited = tree[parent][1] if parent is not None else None
        code = int(match["code"]) if match["code"] else inherited
        assert code is not None, f"{line}: no exit code"
        assert match["code"] is None or code != inherited, f"{line}: this exit code is inherited"
        tree[match["name"]] = (parent, code)
    return tree


def in_code() -> dict[str, tuple[str | None, int]]:
    return {
        name: (kind.__bases__[0].__name__ if kind is not TidemillError else None, kind.exit_code)
        for name, kind in classes().items()
    }


def test_the_drawn_tree_is_that_of_the_code() -> None:
    assert errors.__doc__ is not None
    assert drawn(errors.__doc__) == in_code()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("exit 4", "exit 6"),
        ("    ├── RecoveryError ", "    │   ├── RecoveryError "),
        ("UnknownTopic ", "UnknownTopics "),
    ],
)
def test_a_wrong_drawing_would_be_noticed(right: str, wrong: str) -> None:
    assert errors.__doc__ is not None
    assert drawn(errors.__doc__.replace(right, wrong)) != in_code()


@pytest.mark.parametrize("kind", classes().values(), ids=classes())
def test_every_error_says_what_it_is(kind: type[TidemillError]) -> None:
    assert kind.__doc__


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
