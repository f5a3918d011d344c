"""`tidemill audit`: the source read again, and everything in the lake compared with it."""

import time
from typing import Annotated

import typer

from cli.lakes import open_reader
from cli.options import GENERATOR, SOURCE, Given, settings_with_logs, takes
from cli.selection import FromFlag, PartitionFlag, SinceFlag, ToFlag, UntilFlag, selected
from cli.terminal import show_json

PAUSE_S = 0.005
"""Between two questions to a source that has nothing yet."""

JsonFlag = Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")]


@takes(*SOURCE, "fetch", "lake", *GENERATOR)
def audit(
    given: Given,
    partition: PartitionFlag = None,
    start: FromFlag = None,
    end: ToFlag = None,
    since: SinceFlag = None,
    until: UntilFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove from the source that the lake holds every record exactly once, or name what differs.

    Exit code 0 when nothing differs, 1 when something does or no record could be compared. May run beside the pipeline.
    """
    from datetime import UTC, datetime

    from cli.bar import Bar
    from dataflow.pipeline.load import load
    from proof.audit.audit import audit as audit_lake
    from proof.reopen import reopen
    from runtime.registry.open import with_schemas

    settings = settings_with_logs(given)
    plan = with_schemas(settings, load(settings.pipeline))
    selection = selected(partition, start, end, since, until)
    with open_reader(settings.lake) as reader:
        reader.snapshot()
        again = reopen(settings, plan, reader, lambda: datetime.now(UTC))
        try:
            with Bar("reading again", "records") as bar:
                report = audit_lake(
                    reader, plan, again, selection=selection, wait=lambda: time.sleep(PAUSE_S), steps=bar
                )
        finally:
            again.close()
    if as_json:
        show_json(report.as_json())
    else:
        for line in report.lines():
            typer.echo(line)
    raise typer.Exit(0 if report.is_proven else 1)
