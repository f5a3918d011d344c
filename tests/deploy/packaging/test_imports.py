"""Imports are moved by their place in the code, and what would be missed is found."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.packaging.imports import NotMovable, left_behind, moved

OWN = ("alpha", "beta", "run")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from alpha import a", "from top.alpha import a"),
        ("from alpha.b.c import (\n    d,\n    e,\n)", "from top.alpha.b.c import (\n    d,\n    e,\n)"),
        ("from  alpha  import a  # from alpha", "from  top.alpha  import a  # from alpha"),
        ("import alpha.b as c", "import top.alpha.b as c"),
        ("import os, alpha as x, beta as y", "import os, top.alpha as x, top.beta as y"),
        ("from alpha import a; from beta import b", "from top.alpha import a; from top.beta import b"),
        ("é = 1; from alpha import é", "é = 1; from top.alpha import é"),
        ("def f():\n\tfrom run import main", "def f():\n\tfrom top.run import main"),
        ("if x:\r\n    from alpha import a\r\n", "if x:\r\n    from top.alpha import a\r\n"),
        ("from alphabet import a", "from alphabet import a"),
        ("from . import alpha", "from . import alpha"),
        ("from .alpha import a", "from .alpha import a"),
        ("from os import alpha", "from os import alpha"),
        ("'''from alpha import a'''", "'''from alpha import a'''"),
    ],
)
def test_own_names_are_moved_and_nothing_else(code: str, expected: str) -> None:
    assert moved(code.encode(), OWN, "top").decode() == expected


@pytest.mark.parametrize("code", ["import alpha", "import os\nimport alpha.b", "from \\\n  alpha import a"])
def test_what_cannot_be_moved_is_refused_with_its_line(code: str) -> None:
    with pytest.raises(NotMovable, match=rf"line {2 if 'os' in code else 1}: write"):
        moved(code.encode(), OWN, "top")


@pytest.mark.parametrize(
    "code",
    [
        "import alpha",
        "import alpha.b as c",
        "from beta.x import y",
        "load('alpha.b')",
        "load(f'alpha.{name}')",
        "load('run:flow')",
        "load('alpha.b:c')",
        "run('-c', 'import sys; from alpha.b import c')",
        "run('-c', 'import sys; import alpha')",
    ],
)
def test_what_looks_for_an_own_package_at_the_top_is_found(code: str) -> None:
    (found,) = left_behind(code.encode(), OWN)
    assert found.startswith("line 1: ")


@pytest.mark.parametrize(
    "code",
    [
        "'''Prose names `alpha.b` and run:flow.'''",
        "def f():\n    'alpha.b'",
        "from top.alpha import a",
        "open('run.py')",
        "x = 'alpha'",
        "x = 'run: go on'",
        "x = 'from alpha to beta'",
        "from .alpha import a",
    ],
)
def test_what_does_not_is_left_alone(code: str) -> None:
    assert left_behind(code.encode(), OWN) == []


def test_a_text_names_only_what_texts_may_name() -> None:
    code = b"from beta import b\nx = 'alpha.b'\ny = 'beta.b'"
    assert left_behind(code, OWN, ("alpha",)) == ["line 1: imports beta", "line 2: names a module in 'alpha.b'"]


STATEMENTS = st.sampled_from(
    [
        "from alpha import a",
        "from beta.x import (a,\n  b)",
        "import alpha.b as c, os",
        "x = 'ü'; from run import main",
        "y = '''alpha\n'''  # import alpha",
        "from os import path",
        "if True:\n    import beta as b",
    ]
)


@given(st.lists(STATEMENTS, max_size=8))
def test_all_that_is_moved_leaves_nothing_behind(statements: list[str]) -> None:
    code = "\n".join(statements)
    again = moved(code.encode(), OWN, "top").decode()
    assert left_behind(again.encode(), OWN) == []
    assert again.replace("top.", "") == code
    assert len(list(ast.walk(ast.parse(again)))) == len(list(ast.walk(ast.parse(code))))
