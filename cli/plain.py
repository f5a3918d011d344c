"""Calls that are read without Typer, whose import takes as long as an answer: help, runs, questions in plain words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from cli.flags import CONTEXT, Declared, parameters

QUESTIONS = ("query", "report")
"""The commands that are asked again and again."""

PLAIN = ("run", *QUESTIONS)
"""All that are read here; of a run somebody waits for the first rows."""

_LISTS = (list[str], list[str] | None)
_SWITCHES = (bool, bool | None)


class Call(NamedTuple):
    """Of Typer's context what these commands use: the words that were left over, and what runs a pipeline."""

    args: list[str]
    obj: Callable[..., int] | None = None


def plain(
    words: Sequence[str], launch: Callable[..., int] | None = None, *, last: bool = False
) -> Callable[[], None] | None:
    """What does the work of these words, or None where they are Typer's to read.

    Typer's are all calls but `--help`, runs and questions, and one of those as soon as one of its words is more than a
    flag with its value or an argument, or is wrong: then Typer says so, and what else would be right. `launch` runs a
    pipeline. `last`: the process ends with it.
    """
    if list(words) == ["--help"]:
        from cli.first_page import show_first_page

        return show_first_page
    if not words or words[0] not in PLAIN:
        return None
    module = import_module(f".{words[0]}", __package__)
    command: Callable[..., None] = getattr(module, words[0])
    given = read(parameters(command), words[1:], strange=hasattr(module, "CONTEXT"), launch=launch)
    if given is None:
        return None
    if last and words[0] in QUESTIONS:
        from cli.lakes import leave_engines

        leave_engines()
    return lambda: command(**given)


def read(
    declared: Mapping[str, Declared],
    words: Sequence[str],
    *,
    strange: bool,
    launch: Callable[..., int] | None = None,
) -> dict[str, Any] | None:
    """The values of a command's parameters by these words; None if Typer might read them in another way.

    With `strange`, flags that nobody declared are words left over. A context tells them, and `launch`.
    """
    switches = {name: (key, on) for name, key, on in _switches(declared)}
    flags = {
        name: key
        for key, each in declared.items()
        if each.flag and each.type not in _SWITCHES
        for name in each.flag.names
    }
    written: dict[str, str | bool | list[str]] = {}
    loose: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if name in switches:
            key, on = switches[name]
            if equals or key in written:
                return None
            written[key] = on
        elif name in flags:
            key = flags[name]
            value = value if equals else next(rest, "")
            before = written.get(key, [])
            if (
                not value
                or value.startswith("-")
                or not isinstance(before, list)
                or (equals and not name.startswith("--"))
            ):
                return None
            written[key] = [*before, value] if declared[key].type in _LISTS else value
        elif word.startswith("-") and not (strange and word.startswith("--") and len(name) > 2 and name != "--help"):
            return None
        else:
            loose.append(word)
    for key, each in declared.items():
        if each.flag is not None and not each.flag.is_option and loose:
            written[key] = loose.pop(0)
    if loose and not strange:
        return None
    return _values(declared, written, Call(loose, launch))


def _switches(declared: Mapping[str, Declared]) -> Iterator[tuple[str, str, bool]]:
    """The words of switches, like --bounded and --unbounded, with parameter and value."""
    for key, each in declared.items():
        if each.flag is None or each.type not in _SWITCHES:
            continue
        for names in each.flag.names:
            on, _, off = names.partition("/")
            yield on, key, True
            if off:
                yield off, key, False


def _values(
    declared: Mapping[str, Declared], written: Mapping[str, str | bool | list[str]], call: Call
) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    for key, each in declared.items():
        if each.annotation == CONTEXT:
            values[key] = call
        elif key in written:
            word = written[key]
            value = _value(each, word) if isinstance(word, str) else word
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
