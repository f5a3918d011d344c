"""`tidemill backfill`: give a rollup that was added later what the lake had read before it."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.lakes import open_reader, open_to_write
from cli.options import Given, takes

if TYPE_CHECKING:
    from proof.backfill.fill import Filled


@takes("pipeline", "lake")
def backfill(
    given: Given,
    rollup: Annotated[str, typer.Argument(metavar="ROLLUP", help="The rollup to fill.", show_default=False)],
    trust_duplicates: Annotated[
        bool, typer.Option("--trust-duplicates", help="Take it that each duplicate has the time of its first one.")
    ] = False,
) -> None:
    """Fill a rollup that was added later from the table `events`, exactly, as far back as that reaches.

    Says from when on its windows are whole. One commit; killed at any moment, nothing or all of it is done, and what
    was filled is never filled again. May run beside the pipeline.
    """
    from cli.bar import Bar
    from dataflow.pipeline.load import load
    from proof.backfill.fill import Wanted
    from proof.backfill.fill import backfill as fill
    from runtime.settings import load_settings
    from sinks.lake.fault import fault_from

    settings = load_settings(given)
    plan = load(settings.pipeline)
    open_to_write(settings.lake, plan).close()
    with open_reader(settings.lake) as reader, Bar("filling", "events") as bar:
        done = fill(
            reader,
            plan,
            Wanted(rollup, trust_duplicates),
            clock=lambda: datetime.now(UTC),
            wait=lambda: time.sleep(0.1),
            steps=bar,
            fault=fault_from(settings.fault),
        )
    for line in told(done):
        typer.echo(line)


def told(done: "Filled") -> list[str]:
    """What was done, what could not be, and from when on the rollup is whole."""
    from dataflow.spoken import counted, listed, moment

    lines = [f"not filled: {each}" for each in done.unreached]
    if done.marks:
        events = sum(mark.filtered + mark.counted + mark.late for mark in done.marks)
        places = listed([f"{mark.partition} [{mark.start}, {mark.end})" for mark in done.marks])
        rows = listed([f"{name} {count:,}" for name, count in sorted(done.rows.items())]) or "no row"
        lines.append(f"{done.rollup}: filled from {counted(events, 'event')} of {places}; rows added: {rows}")
    else:
        lines.append(f"{done.rollup}: nothing to fill")
    but = (
        f", but for {counted(done.missed, 'record')} that came too late for every rollup of their time, which `events` "
        "does not hold"
        if done.missed
        else ""
    )
    since = "" if done.whole_ms is None else f" for windows that begin at {moment(done.whole_ms)} or later"
    return [*lines, f"{done.rollup} is whole{since}{but}"]
