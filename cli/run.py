"""`tidemill run`: the pipeline itself, until its input ends or somebody stops it."""

import sys
from typing import TYPE_CHECKING, Annotated

from cli.flags import option
from cli.options import FLAGS, Given, takes

if TYPE_CHECKING:
    import typer


@takes(*FLAGS)
def run(
    given: Given,
    context: "typer.Context",
    process_id: Annotated[int | None, option("--process-id", hidden=True)] = None,
    addresses: Annotated[str | None, option("--addresses", hidden=True)] = None,
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
    raise SystemExit(code)
