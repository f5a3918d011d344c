"""Messages have one style: a line begins small unless with a name, and has no full stop at its end."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_tree import PACKAGES

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("Flink ", "Flink's ", "Kafka ", "Maven ", "Tidemill ", "LEFT")
PYDANTICS = "dataflow/event/fields.py"
"""Its messages stand beside those of pydantic itself, and have their style."""

_SAY = ("echo", "note")


def ends(node: ast.expr) -> tuple[str, str] | None:
    """How a text begins and ends, with {} for what is filled in; None for what is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return text, text
        case ast.JoinedStr(values=[first, *_] as values):
            begin, end = (part.value if isinstance(part, ast.Constant) else "{}" for part in (first, values[-1]))
            return str(begin), str(end)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (ends(left) or ("{}", ""))[0], (ends(right) or ("", "{}"))[1]
    return None


def messages(source: str) -> Iterator[tuple[int, str, str]]:
    """(line, begin, end) of what code raises or says to people."""
    for node in ast.walk(ast.parse(source)):
        arguments: list[ast.expr] = []
        match node:
            case ast.Raise(exc=ast.Call(args=args)):
                arguments = args
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=args):
                if name in _SAY or name.endswith(("Error", "Missing", "Lake", "Lost")):
                    arguments = args
        for argument in arguments:
            found = ends(argument)
            if found is not None:
                yield node.lineno, *found  # type: ignore[attr-defined]  # both kinds of node have a line


def wrong(begin: str, end: str) -> bool:
    is_sentence = " " in begin and begin[:1].isupper() and not begin.startswith(NAMES)
    return is_sentence or end.rstrip("\n").endswith(".")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_message_begins_small_and_has_no_full_stop(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {begin[:40]} ... {end[-30:]}"
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.relative_to(ROOT).as_posix() != PYDANTICS
        for line, begin, end in messages(path.read_text())
        if wrong(begin, end)
    ]
    assert found == []


def test_messages_of_another_style_would_be_noticed() -> None:
    source = (
        'raise ConfigError("k", v, "No such key")\nraise LakeError(f"{x} is gone.")\ntyper.echo("it is" + " there.")'
    )
    assert {line for line, begin, end in messages(source) if wrong(begin, end)} == {1, 2, 3}
    assert not wrong("Kafka runs: process ", "{}")
