"""The command line for Typer: every command listed by its line, and imported when it is called."""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from cli import version
from cli.commands import COMMANDS
from cli.flags import CONTEXT, Declared, parameters

_FORMATTER: Any = TyperCommand.context_class.formatter_class
_TIED = "\N{NON-BREAKING HYPHEN}"


class WholeNames(_FORMATTER):  # type: ignore[misc]  # Typer's own, by no public name
    """Help in which no line ends inside a word: a flag is found by its name, however narrow the terminal is."""

    def write_text(self, text: str) -> None:
        """Write prose, wrapped between words only."""
        super().write_text(text.replace("-", _TIED))

    def write_dl(self, rows: Any, *more: Any, **named: Any) -> None:
        """Write flags and what they mean, wrapped between words only."""
        super().write_dl([(first, second.replace("-", _TIED)) for first, second in rows], *more, **named)

    def getvalue(self) -> str:
        """All that was written."""
        written: str = super().getvalue()
        return written.replace(_TIED, "-")


TyperCommand.context_class.formatter_class = WholeNames


class Later(TyperCommand):
    """A command that is listed by its line of help and imported when it is called."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the real command."""
        assert self.name is not None
        return real(self.name).make_context(info_name, args, parent, **extra)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The whole line: help wraps it, and cuts nothing off."""
        return self.help or ""


def real(name: str) -> Any:
    """The command `name` with its flags, its module imported."""
    module = import_module(f".{name}", __package__)
    parent = plain_typer()
    if hasattr(module, "app"):
        parent.add_typer(module.app, name=name)
    else:
        function: Callable[..., None] = getattr(module, name)
        parent.callback()(_nothing)
        parent.command(name, context_settings=getattr(module, "CONTEXT", None))(for_typer(function))
    group: Any = get_command(parent)
    return group.commands[name]


def plain_typer(*, add_completion: bool = False, **more: Any) -> typer.Typer:
    """An app whose help is plain text: frames and colours would take longer than the whole rest of the help."""
    return typer.Typer(add_completion=add_completion, pretty_exceptions_enable=False, rich_markup_mode=None, **more)


def ended_by(error: BaseException) -> None:
    """End the process as Typer does where a command raises `error`: ^C, a reader that went away, its own Exit."""
    failing = plain_typer()

    @failing.command()
    def command() -> None:
        raise error

    failing(prog_name="tidemill", args=[])


def _nothing() -> None:
    """Stands for a command that is not imported yet."""


def for_typer(command: Callable[..., None]) -> Callable[..., None]:
    """The command with its parameters as Typer reads them: by annotations and a signature."""
    known = parameters(command)
    annotations = {name: _annotation(each) for name, each in known.items()}

    @wraps(command)
    def wrapped(**arguments: Any) -> None:
        command(**arguments)

    shown = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if each.required else each.default,
            annotation=annotations[name],
        )
        for name, each in known.items()
    ]
    # Typer reads both
    wrapped.__signature__ = Signature(shown)  # type: ignore[attr-defined]  # what inspect.signature looks for
    wrapped.__annotations__ = annotations
    return wrapped


def _annotation(parameter: Declared) -> Any:
    if parameter.annotation == CONTEXT:
        return typer.Context
    if parameter.flag is None:
        return parameter.annotation
    flag = parameter.flag
    told = typer.Option(*flag.names, **flag.told) if flag.is_option else typer.Argument(**flag.told)
    return Annotated[parameter.type, told]


app = plain_typer(
    name="tidemill", help="From Kafka to a queryable lake, exactly once.", no_args_is_help=True, add_completion=True
)
app.callback()(version.top)
for _name, _line in COMMANDS.items():
    app.command(_name, cls=Later, help=_line)(_nothing)
