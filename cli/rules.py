"""`tidemill rules`: alert rules, tried on a file."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from runtime.exit_code import as_shell

app = typer.Typer(help="Alert rules of the pipeline file, tried on records of a file.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `test` a command of its own, however many there are."""


@app.command("test")
def play_rules(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Records, one JSON object per line.", show_default=False)
    ],
    pipeline: Annotated[
        str | None, typer.Option("--pipeline", metavar="PATH[:NAME]", help="The pipeline file; else that of settings.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Play FILE through the whole pipeline, into a lake that is thrown away, and print the alerts.

    They come by their windows, oldest first; those that were raised and retracted within the file say so. Rules that
    wait until a window is final judge those that the file's own events have passed: its end makes none final for them.
    """
    from cli.alerts import lines
    from cli.lakes import open_reader
    from cli.terminal import note
    from dataflow.errors import ConfigError, InputMissing
    from dataflow.pipeline.load import load
    from dataflow.spoken import counted, listed
    from query.alerts import alerts_sql, rows_of
    from runtime.settings import load_settings

    settings = load_settings({"pipeline": pipeline})
    plan = load(settings.pipeline)
    if not plan.alerts:
        raise ConfigError("pipeline", settings.pipeline, "it has no alert rule; declare one with alerts=[...]")
    if not file.is_file():
        raise InputMissing(f"there is no file {file}; name one with a record per line")
    with tempfile.TemporaryDirectory(prefix="tidemill-rules-") as name:
        folder = Path(name)
        _play(file, settings.pipeline, folder)
        with open_reader(folder / "lake") as reader:
            snapshot = reader.snapshot()
            found = rows_of(snapshot, alerts_sql())
            read, dead = snapshot.query("SELECT sum(read), sum(dead) FROM ledger").to_pylist()[0].values()
        for line in lines(found, as_json=as_json):
            typer.echo(line)
    waiting = [rule.name for rule in plan.alerts if rule.is_closed]
    if waiting:
        note(f"judged up to the time that the file's events have reached: {listed(waiting)}")
    note(
        f"{counted(len(found), 'alert')} of {counted(int(read or 0), 'record')}, {int(dead or 0)} of them dead letters"
    )


def _play(file: Path, pipeline: str, folder: Path) -> None:
    """A bounded run of the file alone, behind which nothing comes."""
    from runtime.program import this_command

    (folder / "input").mkdir()
    shutil.copyfile(file, folder / "input" / file.name)
    flags = ["--source", "files", "--input", str(folder / "input"), "--bounded", "--final", "--no-emit"]
    places = ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
    command = this_command(["run", *flags, *places, "--pipeline", pipeline, "--log-level", "error", "--quiet"])
    code = subprocess.run(command, check=False).returncode
    if code != 0:
        raise typer.Exit(as_shell(code))
