"""`tidemill spark`: the same pipeline file on Apache Spark."""

import typer

from cli import spark_generate, spark_run
from cli.app import for_typer

app = typer.Typer(help="The same pipeline on Apache Spark: jobs for it, and runs of them here.", no_args_is_help=True)

for _command in (spark_generate.generate, spark_run.run):
    app.command()(for_typer(_command))
