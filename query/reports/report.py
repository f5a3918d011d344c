"""What a report is: a question with a title, typed parameters and the view that it reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from query.reports.span import Span
from query.reports.values import TYPES, ValueType
from sinks.lake.tables.definition import RollupDefinition


class Parameter(NamedTuple):
    """One parameter. `default` as text: None where a value has to be given, or where leaving it out means NULL."""

    name: str
    type: ValueType
    default: str | None = None
    required: bool = False
    help: str = ""

    def __str__(self) -> str:
        """As the command line takes it."""
        default = "" if self.required else f" = {'none' if self.default is None else self.default}"
        return f"--{self.name} {self.type.name}{default}"


class Report(NamedTuple):
    """A report of a file. `sql`: its whole text, so that lines count as in the file.

    `uses`: the names of its placeholders. `lines`: where the header names what. `rollup`: what the lake knows of
    `view`, None if that is no rollup. `pipeline`: the only one it belongs to, if it says so.
    """

    name: str
    path: Path
    sql: str
    title: str
    view: str
    parameters: tuple[Parameter, ...]
    limit: int | None
    span: Span | None
    uses: frozenset[str]
    lines: Mapping[str, int]
    pipeline: str | None = None
    rollup: RollupDefinition | None = None

    @property
    def takes_limit(self) -> bool:
        """Whether it can be asked for fewer rows."""
        return "limit" in self.uses


ROLLUP_PARAMETERS = (
    Parameter("last", TYPES["duration"], "1h", help="windows that start so long before the newest, or later"),
    Parameter("top", TYPES["integer"], help="only so many rows: the first by --by"),
    Parameter("by", TYPES["text"], help="column to order by: aggregates from the largest, keys from the smallest"),
    Parameter("where", TYPES["text"], help="one condition over the view's columns, as in a pipeline file"),
)
"""Those that the report of every rollup has."""


class RollupReport(NamedTuple):
    """The report that every rollup has without a file. `values`: all that keys ever held, where that is known."""

    rollup: RollupDefinition
    values: Mapping[str, Sequence[str | int]] = MappingProxyType({})

    @property
    def takes_limit(self) -> bool:
        """How many windows are shown is a parameter of its own."""
        return True

    @property
    def name(self) -> str:
        """The rollup's name."""
        return self.rollup.name

    @property
    def view(self) -> str:
        """The rollup's view."""
        return self.rollup.name

    @property
    def title(self) -> str:
        """What one row is."""
        # only what is listed has its title asked for
        from dataflow.windows.kinds import window_text

        keys = ", ".join(self.rollup.key_names)
        return f"Windows of {window_text(self.rollup.window.window)}" + (f" per {keys}" if keys else "")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The same for every rollup."""
        return ROLLUP_PARAMETERS
