"""`tidemill report`: a standing question of the pipeline, or the newest windows of a rollup."""

import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cli.answer_flags import FormatFlag, OutputFlag, ZoneFlag
from cli.flags import argument, option
from cli.lakes import AsOfFlag, open_reader
from cli.options import Given, takes
from cli.terminal import note, show
from query.text_table import TextTable

if TYPE_CHECKING:
    import typer

    from cli.answers import Wanted
    from query.reader import LakeReader
    from query.reports import Report, RollupReport, Shelf

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""A report's own parameters are flags that only its file knows, and its help is a help of its own."""


@takes("pipeline", "lake")
def report(
    given: Given,
    context: "typer.Context",
    name: Annotated[
        str | None, argument(help="A report or a rollup; left out, all are listed.", show_default=False)
    ] = None,
    at: Annotated[
        str | None,
        option(
            "--at",
            help="Ask as if it were this UTC time: now, latest (the newest data in the lake) or a time; "
            "now if left out, latest for a rollup.",
            metavar="now|latest|TIME",
        ),
    ] = None,
    limit: Annotated[int | None, option("--limit", min=1, help="Most rows to show.", metavar="ROWS")] = None,
    form: FormatFlag = None,
    zone: ZoneFlag = None,
    as_of: AsOfFlag = None,
    output: OutputFlag = None,
) -> None:
    """Answer a standing question: a report of the pipeline, or a rollup. Without a name, all are listed.

    A report is a .sql file in the folder `reports` beside the pipeline file. Its parameters are flags, like
    --minutes 5. A rollup takes --last 1h, --top 20, --by COLUMN and --where CONDITION.
    `tidemill report NAME --help` explains the parameters of either.
    """
    from cli.answers import wanted
    from query.reports import ask_as

    words = [*context.args] if name is None else [name, *context.args]
    if "--help" in words:
        _explain(context, given, [word for word in words if word != "--help"][:1])
        return
    values = _parameters(name, context.args)
    wish = wanted(form, output, limit or _top(values), zone)
    if name is None:
        _list(_shelf_even_without_lake(given), wish)
        return
    with open_reader(given["lake"]) as reader:
        wish = wish.with_known_zone(reader)
        found = _shelf(reader, given).find(name)
        wish = wish if found.takes_limit else wish._replace(more="")
        now = datetime.now(UTC)
        answer = reader.ask(lambda then: ask_as(wish.read, then, found, values, now, at=at, limit=limit), as_of=as_of)
        note(f"{answer.report}: {answer.note}")
        if answer.table or form is not None or output is not None:
            wish.put(answer.table)


def _top(values: Mapping[str, str]) -> int | None:
    """How many rows of a rollup were asked for by --top."""
    top = values.get("top", "")
    return int(top) or None if top.isdecimal() else None


def _list(shelf: "Shelf", wish: "Wanted") -> None:
    from query.reports import listing

    lines = listing(shelf)
    if not lines:
        print("there is no report beside the pipeline, and no lake with a rollup", file=sys.stderr)
        return
    if wish.form != "table" or wish.output is not None:
        wish.put(lines)
        return
    table = TextTable([*lines[0]])
    for line in lines:
        table.add_row(*line.values())
    show(table)


def _folder(given: Given) -> Path:
    from query.reports import reports_folder
    from runtime.settings import load_settings

    return reports_folder(load_settings({"pipeline": given["pipeline"]}).pipeline)


def _shelf(reader: "LakeReader", given: Given, known: Collection[str] | None = None) -> "Shelf":
    from query.definition import lake_definition
    from query.reports import Shelf

    return Shelf(_folder(given), lake_definition(reader), reader.parser, known)


def _shelf_even_without_lake(given: Given) -> "Shelf":
    from dataflow.errors import LakeMissing
    from query.reports import Shelf

    try:
        with open_reader(given["lake"]) as reader:
            return _shelf(reader, given, reader.snapshot().names())
    except LakeMissing as missing:
        print(f"only files: {missing}", file=sys.stderr)
        return Shelf(_folder(given), None)


def _explain(context: "typer.Context", given: Given, names: Sequence[str]) -> None:
    """The command's help, or that of the report of this name."""
    if not names:
        print(context.get_help(), end="", flush=True)
        return
    found: Report | RollupReport = _shelf_even_without_lake(given).find(names[0])
    table = TextTable(["parameter", "type", "default", "what it means"])
    for each in found.parameters:
        default = "(has to be given)" if each.required else each.default or "none"
        table.add_row(f"--{each.name}", each.type.name, default, each.help)
    show(f"{found.name}: {found.title}")
    if found.parameters:
        show("", table)


def _parameters(name: str | None, words: Sequence[str]) -> dict[str, str]:
    """The report's own parameters: --name value or --name=value. Raises ConfigError."""
    from dataflow.errors import ConfigError

    if name is not None and name.startswith("-"):
        raise ConfigError("report", name, "write the report's name first, then its parameters")
    values: dict[str, str] = {}
    rest = list(words)
    while rest:
        flag, equals, value = rest.pop(0).partition("=")
        if not flag.startswith("--") or len(flag) < 3:
            raise ConfigError("report", flag, "parameters are written as --name value")
        if not equals:
            if not rest:
                raise ConfigError(flag, None, f"needs a value: {flag} VALUE")
            value = rest.pop(0)
        key = flag[2:].replace("-", "_")
        if key in values:
            raise ConfigError(flag, value, "is given twice")
        values[key] = value
    return values
