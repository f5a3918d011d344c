"""Words that are read without Typer: what is read, and that Typer reads it in the same way or nobody does."""

from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.app import real
from cli.flags import CONTEXT, parameters
from cli.plain import PLAIN, plain, read


def by_typer(name: str, words: Sequence[str]) -> dict[str, Any] | None:
    """The values that the command gets from Typer; None where Typer finds a mistake or shows help."""
    module, seen = import_module(f"cli.{name}"), []

    def command(**values: Any) -> None:
        seen.append(values)

    command.declared = parameters(getattr(module, name))  # type: ignore[attr-defined]  # as `takes` does
    with mock.patch.object(module, name, command), redirect_stdout(StringIO()):
        try:
            real(name).main(args=list(words), prog_name=name, standalone_mode=False)
        except Exception:
            return None
    return compared(name, seen[0]) if seen else None


def plainly(name: str, words: Sequence[str]) -> dict[str, Any] | None:
    module = import_module(f"cli.{name}")
    values = read(parameters(getattr(module, name)), words, strange=hasattr(module, "CONTEXT"))
    return None if values is None else compared(name, values)


def compared(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the words that were left over in their context's place."""
    declared = parameters(getattr(import_module(f"cli.{name}"), name))
    return {key: value.args if declared[key].annotation == CONTEXT else value for key, value in values.items()}


WORDS = {
    "run": [
        *("--bounded", "--unbounded", "--bounded=x", "--bounded/--unbounded", "--no-events", "--events", "--quiet"),
        *("--kafka", "a=b", "--kafka=c=d", "--lake", "DIR", "-w", "2", "-w2", "-w=2", "--workers=0", "--epoch-ms", "x"),
        *(
            "--process-id",
            "1",
            "--addresses",
            "a;b",
            "--generator-rate",
            "0.5",
            "--input=x",
            "--help",
            "--",
            "-",
            "--no",
        ),
    ],
    "query": [
        *("SELECT 1", "--format", "json", "--format=csv", "--limit", "3", "--limit=0", "-1", "--timeout", "0.5", "1e3"),
        *("--lake", "DIR", "-o", "-oFILE", "-o=x", "--output=x", "--as-of", "--tz", "--", "-", "--help", "", "--nope"),
        *("--limi", "\N{ARABIC-INDIC DIGIT THREE}", "--tz="),
    ],
    "report": [
        *("per_ad", "--at", "latest", "--minutes", "5", "--minutes=5", "--limit", "2", "--by", "clicks", "--lake=x"),
        *("--pipeline", "p.py", "-x", "--", "--help", "-5", "--format", "table", "---", "--=", "--at="),
    ],
}


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_is_read_plainly_is_read_by_typer_in_the_same_way(name: str, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.sampled_from(WORDS[name]), max_size=6))
    found = plainly(name, words)
    if found is not None:
        assert found == by_typer(name, words), words


@pytest.mark.parametrize(
    "words",
    [
        ["query", "SELECT 1", "--format", "json", "--limit", "5", "-o", "file", "--timeout", "0.5", "--lake=x"],
        ["query"],
        ["report", "per_ad", "--minutes", "5", "--at", "latest", "--by=clicks"],
        ["report"],
        ["--help"],
        ["run"],
        ["run", "--kafka", "a=b", "--kafka=c=d", "--bounded", "--no-events", "-w", "2", "--topic=clicks"],
    ],
)
def test_plain_words_need_no_typer(words: list[str]) -> None:
    assert plain(words) is not None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--version"],
        ["--help", "query"],
        ["query", "--help"],
        ["report", "per_ad", "--help"],
        ["query", "a", "b"],
        ["query", "a", "--limit", "0"],
        ["query", "a", "--limit", "x"],
        ["query", "a", "--limit", "1.5"],
        ["query", "a", "--limit"],
        ["query", "a", "--limit", "1", "--limit", "2"],
        ["query", "-"],
        ["run", "clicks"],
        ["run", "--bounded", "--unbounded"],
        ["run", "--workers", "two"],
        ["run", "--bounded=yes"],
        ["config", "show"],
    ],
)
def test_all_others_are_typers(words: list[str]) -> None:
    assert plain(words) is None
