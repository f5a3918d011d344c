"""`tidemill files`: which Parquet files a table has at a snapshot, for programs that read them without the catalog."""

from typing import Annotated

import typer

from cli.lakes import AsOfFlag, LakeFlag, open_reader


def files(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table of the lake.", show_default=False)],
    form: Annotated[
        str, typer.Option("--format", help="paths (one a line) or sql (a SELECT that reads them).", metavar="FORMAT")
    ] = "paths",
    as_of: AsOfFlag = None,
    lake: LakeFlag = None,
) -> None:
    """Name the Parquet files that hold a table's rows at a snapshot: all of them, and no others.

    `--format sql` prints a SELECT for DuckDB, which is right also where files hold rows of later snapshots as well.
    """
    from dataflow.errors import ConfigError
    from query.table_files import paths_of, select_of

    if form not in ("paths", "sql"):
        raise ConfigError("--format", form, "choose one of paths, sql")
    with open_reader(lake) as reader:
        snapshot = reader.snapshot(as_of)
        for line in paths_of(snapshot, table) if form == "paths" else [select_of(snapshot, table)]:
            typer.echo(line)
