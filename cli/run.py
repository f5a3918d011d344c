"""`tidemill run`: the pipeline itself, until its input ends or somebody stops it."""

import sys

import typer

from cli.options import FLAGS, Given, takes


@takes(*FLAGS)
def run(
    given: Given,
    context: typer.Context,
    process_id: int | None = typer.Option(None, hidden=True),
    addresses: str | None = typer.Option(None, hidden=True),
) -> None:
    """Read events, fold them into windows, commit them into the lake; go on where the last run ended.

    Ends with exit code 0 at the end of --bounded input, or after ^C or SIGTERM once all that was read is committed.
    """
    from dataflow import logs
    from runtime.program import this_command
    from runtime.settings import load_settings
    from runtime.supervisor import Supervisor

    settings = load_settings(given)
    settings.require_end_of_final()
    if settings.processes > 1 and process_id is None:
        logs.configure(settings.log_format, settings.log_level)
        code = Supervisor(this_command(sys.argv[1:]), settings.processes).run()
    else:
        code = context.obj(settings, process_id, addresses.split(";") if addresses else None)
    raise typer.Exit(code)
