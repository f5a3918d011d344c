"""`tidemill lateness`: how far windows moved after they were first shown as closed."""

from typing import Annotated

import typer

from cli.lakes import AsOfFlag, LakeFlag, open_reader
from cli.terminal import show_json


def lateness(
    rollup: Annotated[str | None, typer.Option("--rollup", help="Only this rollup.", metavar="NAME")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Only windows of this key, like ad_id=ad-7.", metavar="COLUMN=VALUE"),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Most windows to show per rollup.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
    as_of: AsOfFlag = None,
    lake: LakeFlag = None,
) -> None:
    """Corrections per rollup and window: how often, how many rows, how far each sum and count moved."""
    from cli.answers import wanted
    from dataflow.errors import ConfigError
    from query import lateness as report

    keys = {}
    for pair in key or []:
        column, equals, value = pair.partition("=")
        if not equals or not column:
            raise ConfigError("--key", pair, "write COLUMN=VALUE, like ad_id=ad-7")
        keys[column] = value
    with open_reader(lake) as reader:
        found = report.lateness(reader, rollup=rollup, key=keys, as_of=as_of)
    if as_json:
        show_json(report.as_json(found))
        return
    wish = wanted(None, None)
    wish.put(report.as_table(found))
    windows = report.windows_table(found, limit)
    if windows.num_rows:
        typer.echo("")
        wish.put(windows)
