"""`tidemill query`: one SELECT over the lake's tables and views."""

import sys
from typing import Annotated

import typer

from cli.lakes import AsOfFlag, FormatFlag, LakeFlag, OutputFlag, open_reader, put


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.", show_default=False)] = "-",
    form: FormatFlag = None,
    as_of: AsOfFlag = None,
    output: OutputFlag = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.001, help="Stop after so many seconds.", metavar="SECONDS")
    ] = None,
    lake: LakeFlag = None,
) -> None:
    """Answer one SELECT, while the pipeline writes or not. `SHOW TABLES` lists what there is."""
    from query.formats import require_format

    require_format(form or "table", terminal=output is None and sys.stdout.isatty())
    text = _text(sql)
    with open_reader(lake) as reader:
        put(reader.query(text, as_of=as_of, timeout_s=timeout), form, output)


def _text(sql: str) -> str:
    from dataflow.errors import ConfigError

    if sql != "-":
        return sql
    if sys.stdin.isatty():
        raise ConfigError("SQL", "-", 'nothing to read; write the query: tidemill query "SELECT ..."')
    return sys.stdin.read()
