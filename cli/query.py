"""`tidemill query`: one SELECT over the lake's tables and views."""

import sys
from typing import Annotated

from cli.answer_flags import FormatFlag, OutputFlag, RowsFlag, ZoneFlag
from cli.flags import argument, option
from cli.lakes import AsOfFlag, LakeFlag, open_reader


def query(
    sql: Annotated[str, argument(help="One SELECT; - reads it from standard input.", show_default=False)] = "-",
    form: FormatFlag = None,
    rows: RowsFlag = None,
    zone: ZoneFlag = None,
    as_of: AsOfFlag = None,
    output: OutputFlag = None,
    timeout: Annotated[
        float | None, option("--timeout", min=0.001, help="Stop after so many seconds.", metavar="SECONDS")
    ] = None,
    lake: LakeFlag = None,
) -> None:
    """Answer one SELECT, while the pipeline writes or not. `SHOW TABLES` lists what there is."""
    from cli.answers import wanted
    from cli.bar import Bar

    wish = wanted(form, output, rows, zone)
    text = _text(sql)
    with open_reader(lake) as reader:
        wish = wish.with_known_zone(reader)
        with Bar("answering", "rows") as bar:
            wish.put(reader.ask(lambda at: wish.read(at, text, timeout_s=timeout), as_of=as_of), bar)


def _text(sql: str) -> str:
    from dataflow.errors import ConfigError

    if sql != "-":
        return sql
    if sys.stdin.isatty():
        raise ConfigError("SQL", "-", 'nothing to read; write the query: tidemill query "SELECT ..."')
    return sys.stdin.read()
