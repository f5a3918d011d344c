"""What the commands that read a lake share: the --lake and --as-of flags, opening."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cli.flags import option

if TYPE_CHECKING:
    from dataflow.pipeline.plan import Plan
    from query.reader import LakeReader
    from sinks.lake.catalog.catalog import Catalog

LakeFlag = Annotated[Path | None, option("--lake", help="Folder of the lake.", metavar="DIR")]
AsOfFlag = Annotated[
    str | None,
    option("--as-of", help="A snapshot id or a UTC time; the newest if left out.", metavar="SNAPSHOT|TIME"),
]


def lake_folder(flag: Path | None) -> Path:
    """The lake's folder: the flag, else the settings."""
    from runtime.settings import load_settings

    return load_settings({"lake": flag}).lake


def open_to_write(folder: Path, plan: "Plan | None" = None) -> "Catalog":
    """The catalog of a lake, an older one taken over first, with what takes its time told on standard error.

    `plan`: of the lake's pipeline, where the command knows it.
    """
    import typer

    from cli.bar import Bar
    from sinks.lake.tables.event_times import Takeover, open_existing

    time_column = None if plan is None else plan.event.event_time.name
    with Bar("taking the lake over", "files") as bar:
        how = Takeover(time_column, lambda text: typer.echo(f"{folder}: {text}", err=True), bar)
        return open_existing(folder, datetime.now(UTC), how)


@contextmanager
def open_reader(flag: Path | None) -> Iterator["LakeReader"]:
    """A reader of the lake that the flag or the settings name. Times without zone are UTC in this whole process."""
    from query.reader import LakeReader

    # DuckDB takes its session time zone from the process, and without its ICU extension it cannot be told otherwise.
    os.environ["TZ"] = "UTC"
    time.tzset()
    reader = LakeReader(lake_folder(flag))
    try:
        yield reader
    finally:
        reader.close(engine=_left is None)
        if _left is not None:
            _left.append(reader)


_left: list["LakeReader"] | None = None


def leave_engines() -> None:
    """For a process that ends with its command: what DuckDB holds of a lake is left to the system, which frees it
    sooner than DuckDB takes it apart.
    """
    global _left
    _left = []
