"""Calls that are read without Typer, whose import takes as long as an answer: help, and questions in plain words."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from cli.flags import CONTEXT, Declared, parameters

QUESTIONS = ("query", "report")
"""The commands that are asked again and again."""


class Call(NamedTuple):
    """Of Typer's context what a question uses: the words that were left over."""

    args: list[str]


def plain(words: Sequence[str], *, last: bool = False) -> Callable[[], None] | None:
    """What does the work of these words, or None where they are Typer's to read.

    Typer's are all calls but `--help` and questions, and a question as soon as one of its words is more than a flag
    with its value or an argument, or is wrong: then Typer says so, and what else would be right. `last`: the process
    ends with it.
    """
    if list(words) == ["--help"]:
        from cli.first_page import show_first_page

        return show_first_page
    if not words or words[0] not in QUESTIONS:
        return None
    module = import_module(f".{words[0]}", __package__)
    command: Callable[..., None] = getattr(module, words[0])
    given = read(parameters(command), words[1:], strange=hasattr(module, "CONTEXT"))
    if given is None:
        return None
    if last:
        from cli.lakes import leave_engines

        leave_engines()
    return lambda: command(**given)


def read(declared: Mapping[str, Declared], words: Sequence[str], *, strange: bool) -> dict[str, Any] | None:
    """The values of a command's parameters by these words; None if Typer might read them in another way.

    With `strange`, flags that nobody declared are words left over.
    """
    flags = {name: key for key, each in declared.items() if each.flag for name in each.flag.names}
    written: dict[str, str] = {}
    loose: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in flags:
            if not name.startswith("--") and equals:
                return None
            value = value if equals else next(rest, "")
            if flags[name] in written or not value or value.startswith("-"):
                return None
            written[flags[name]] = value
        elif word.startswith("-") and not (strange and word.startswith("--") and len(name) > 2 and name != "--help"):
            return None
        else:
            loose.append(word)
    for key, each in declared.items():
        if each.flag is not None and not each.flag.is_option and loose:
            written[key] = loose.pop(0)
    if loose and not strange:
        return None
    return _values(declared, written, loose)


def _values(declared: Mapping[str, Declared], written: Mapping[str, str], loose: list[str]) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    for key, each in declared.items():
        if each.annotation == CONTEXT:
            values[key] = Call(loose)
        elif key in written:
            value = _value(each, written[key])
            if value is None:
                return None
            values[key] = value
        elif each.required:
            return None
        else:
            values[key] = each.default
    return values


def _value(parameter: Declared, word: str) -> Any:
    """The value of a word that is sure to be one of the parameter's; else None."""
    kind = parameter.type
    least = parameter.flag.told.get("min") if parameter.flag else None
    if kind in (str, str | None):
        return word
    if kind in (Path, Path | None):
        return Path(word)
    if kind in (int, int | None, float, float | None) and word.isascii() and word.replace(".", "", 1).isdecimal():
        if kind in (int, int | None) and "." in word:
            return None
        number = int(word) if kind in (int, int | None) else float(word)
        return number if least is None or number >= least else None
    return None
