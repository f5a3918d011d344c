"""The command line `tidemill`: one command a file, imported when it is called."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from cli import version
from cli.commands import plain_typer, register
from dataflow.errors import TidemillError

app = plain_typer(
    name="tidemill", help="From Kafka to a queryable lake, exactly once.", no_args_is_help=True, add_completion=True
)
app.callback()(version.top)
register(app)


def main(launch: Callable[..., int] | None = None, arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code.

    `launch(settings, process, addresses)` runs the pipeline; commands find it as their context's `obj`.
    A TidemillError becomes one message on stderr and its own exit code.
    """
    given: dict[str, Any] = {} if arguments is None else {"args": list(arguments)}
    try:
        app(obj=launch, prog_name="tidemill", **given)
    except TidemillError as error:
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
