"""`tidemill flink`: the same pipeline file on Apache Flink."""

import typer

from cli import flink_generate

app = typer.Typer(help="The same pipeline on Apache Flink: a cluster here, and jobs on it.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep each command one of its own, however many there are."""


app.command()(flink_generate.generate)
