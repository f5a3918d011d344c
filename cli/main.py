"""The command line `tidemill`: one command a file, put together here."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from cli import (
    audit,
    check,
    compact,
    config,
    demo,
    doctor,
    dump,
    kafka,
    lateness,
    produce,
    query,
    recover,
    replay,
    report,
    run,
    snapshots,
    version,
)
from dataflow.errors import TidemillError

app = typer.Typer(
    name="tidemill",
    help="From Kafka to a queryable lake, exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.callback()(version.top)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("produce")(produce.produce)
app.command("recover")(recover.recover)
app.command("check")(check.check)
app.command("query")(query.query)
app.add_typer(report.app, name="report")
app.command("snapshots")(snapshots.snapshots)
app.command("dump")(dump.dump)
app.command("lateness")(lateness.lateness)
app.command("compact")(compact.compact)
app.command("audit")(audit.audit)
app.command("doctor")(doctor.doctor)
app.command("replay")(replay.replay)
app.add_typer(config.app, name="config")
app.add_typer(kafka.app, name="kafka")


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
