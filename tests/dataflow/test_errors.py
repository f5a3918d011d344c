"""The tree of errors as it is drawn."""

import re

import pytest

from dataflow import errors
from dataflow.errors import TidemillError

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
