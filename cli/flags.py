"""What a command declares of its parameters: what Typer is told of each, known without Typer."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

CONTEXT = "typer.Context"
"""The annotation of a parameter that is no flag: what Typer knows of the call."""


class Flag(NamedTuple):
    """An option by its names, or an argument, with what is said to `typer.Option` or `typer.Argument` of it."""

    is_option: bool
    names: tuple[str, ...]
    told: Mapping[str, Any]


class Declared(NamedTuple):
    """One parameter of a command: a `flag` of ours stands beside its `type` in the annotation."""

    annotation: Any
    default: Any
    required: bool

    @property
    def flag(self) -> Flag | None:
        """What was told by `option` or `argument`, if the annotation holds that."""
        beside = get_args(self.annotation)[1:] if hasattr(self.annotation, "__metadata__") else ()
        return next((each for each in beside if isinstance(each, Flag)), None)

    @property
    def type(self) -> Any:
        """The annotation without what stands beside it."""
        return self.annotation.__origin__ if hasattr(self.annotation, "__metadata__") else self.annotation


def option(*names: str, **told: Any) -> Flag:
    """What stands beside the type of a flag in `Annotated`, in the words of `typer.Option`."""
    return Flag(True, names, told)


def argument(**told: Any) -> Flag:
    """What stands beside the type of an argument in `Annotated`, in the words of `typer.Argument`."""
    return Flag(False, (), told)


def parameters(command: Callable[..., None]) -> Mapping[str, Declared]:
    """A command's parameters in their order. Not by `inspect`, which takes longer to import than all flags to read."""
    known: Mapping[str, Declared] | None = getattr(command, "declared", None)
    if known is not None:
        return known
    code, defaults = command.__code__, command.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    first = len(names) - len(defaults)
    by_name = command.__kwdefaults__ or {}
    found = {
        name: Declared(command.__annotations__[name], None if at < first else defaults[at - first], at < first)
        for at, name in enumerate(names)
    }
    for name in code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]:
        found[name] = Declared(command.__annotations__[name], by_name.get(name), name not in by_name)
    return found
