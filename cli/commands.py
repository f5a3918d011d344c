"""The commands by name and what each does, in a line: known without the modules that do it."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

COMMANDS = {
    "run": "Read events, fold them into windows, commit them into the lake; go on where the last run ended.",
    "demo": (
        "Play a seeded ad stream through the real pipeline into a lake of its own; answer questions while it grows."
    ),
    "produce": "Write a seeded ad stream, as JSON records, to a topic; the topic is made when it is missing.",
    "recover": "Take a lake over when its recovery folder is lost, or when the lake was restored from a backup.",
    "init": "Look at some records of a topic, or of a folder of NDJSON files, and write a pipeline file for them.",
    "check": "Check the pipeline file and its reports; print its tables and columns, its windows, what is held.",
    "query": "Answer one SELECT, while the pipeline writes or not. `SHOW TABLES` lists what there is.",
    "report": "Answer a standing question: a report of the pipeline, or a rollup. Without a name, all are listed.",
    "snapshots": "List snapshots, newest first: id, time, rows added per table, offsets read per source partition.",
    "files": "Name the Parquet files that hold a table's rows at a snapshot: all of them, and no others.",
    "dump": "Write one CSV per table into DIR; equal tables give equal files, so `diff -r` compares two lakes.",
    "lateness": "Corrections per rollup and window: how often, how many rows, how far each sum and count moved.",
    "compact": "Compact the lake, beside a run or not; what is older than it is kept leaves.",
    "erase": "Erase one person's rows from the lake and all snapshots that show them; prove that nothing is left.",
    "backfill": "Fill a rollup that was added later from the table `events`, exactly, as far back as that reaches.",
    "audit": "Prove from the source that the lake holds every record exactly once, or name what differs.",
    "doctor": "Examine pipeline file, source, windows, recovery folder, lake, disks and clocks. Changes nothing.",
    "replay": (
        "Process the lake's source again, with any number of workers, and compare every table with the live lake."
    ),
    "config": "Settings: flag, else environment TIDEMILL_*, else tidemill.toml, else default.",
    "kafka": "A real Apache Kafka (KRaft, one node) on 127.0.0.1.",
}
"""The first line of each command's own help. The module of that name, beside this one, holds the function of that name,
or a group `app`."""


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
        parent.command(name, context_settings=getattr(module, "CONTEXT", None))(function)
    group: Any = get_command(parent)
    return group.commands[name]


def plain_typer(*, add_completion: bool = False, **more: Any) -> typer.Typer:
    """An app whose help is plain text: frames and colours would take longer than the whole rest of the help."""
    return typer.Typer(add_completion=add_completion, pretty_exceptions_enable=False, rich_markup_mode=None, **more)


def register(app: typer.Typer) -> None:
    """Make every command known to `app`."""
    for name, line in COMMANDS.items():
        app.command(name, cls=Later, help=line)(_nothing)


def _nothing() -> None:
    """Stands for a command that is not imported yet."""
