"""The command line `tidemill`: one command a file, imported when it is called."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from cli.plain import plain
from dataflow.errors import TidemillError

_COMPLETION = "_TIDEMILL_COMPLETE"
"""Set by a shell that asks for completions."""


def main(
    launch: Callable[..., int] | None = None, arguments: Sequence[str] | None = None, *, last: bool = False
) -> None:
    """Run one command and end the process with its exit code.

    `launch(settings, process, addresses)` runs the pipeline; commands find it as their context's `obj`.
    A TidemillError becomes one message on stderr and its own exit code. `last`: the process ends with this command,
    so that nothing has to be taken apart.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        work = None if _COMPLETION in os.environ else plain(words, launch, last=last)
        if work is not None:
            _do(work)
        from cli.app import app

        app(obj=launch, prog_name="tidemill", args=words)
    except TidemillError as error:
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


def _do(work: Callable[[], None]) -> NoReturn:
    try:
        work()
    except (TidemillError, SystemExit):
        raise
    except BaseException as error:
        from cli.app import ended_by

        ended_by(error)
    raise SystemExit(0)
