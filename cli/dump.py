"""`tidemill dump`: canonical text of all tables."""

from pathlib import Path
from typing import Annotated

import typer

from cli.lakes import AsOfFlag, LakeFlag, open_reader


def dump(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write, made if absent.", show_default=False)],
    as_of: AsOfFlag = None,
    lake: LakeFlag = None,
) -> None:
    """Write one CSV per table into DIR; equal tables give equal files, so `diff -r` compares two lakes."""
    from cli.bar import Bar
    from proof.dump import dump as write_dump

    with open_reader(lake) as reader:
        snapshot = reader.snapshot(as_of)
        with Bar("writing", "tables") as bar:
            written = write_dump(snapshot, folder, bar)
    typer.echo(f"snapshot {snapshot.id}: {len(written)} files in {folder}", err=True)
