"""`tidemill recover`: the way out when recovery folder and lake do not belong together any more."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.options import SOURCE, Given, takes


@takes(*SOURCE, "lake", "recovery")
def recover(
    given: Given,
    from_lake: Annotated[
        bool, typer.Option("--from-lake", help="Make a new recovery folder that goes on where the lake ends.")
    ] = False,
) -> None:
    """Take a lake over when its recovery folder is lost, or when the lake was restored from a backup.

    Sources will start at the lake's own offsets; remembered ids are read back from the source. The old recovery
    folder is kept under another name. Nothing is counted twice, nothing left out.
    """
    from cli.takeover import take_over
    from dataflow.errors import ConfigError
    from dataflow.intake.sources import open_source
    from dataflow.load import load
    from dataflow.recovery import RecoveryFolder
    from dataflow.settings import load_settings
    from query.same_source import Kept, require_same_source
    from sinks.catalog import Catalog

    if not from_lake:
        raise ConfigError("--from-lake", False, "say what to recover from: `tidemill recover --from-lake`")
    settings = load_settings(given)
    plan = load(settings.pipeline)
    catalog = Catalog.open(settings.lake)
    opened = open_source(settings, plan, lambda: datetime.now(UTC))
    try:
        # the old recovery folder, if it is there, is of no account
        kept = Kept(settings.lake, settings.recovery, catalog.topics(), None)
        require_same_source(settings, opened.partitions(), kept)
        for taken in take_over(catalog, plan, opened, RecoveryFolder(settings.recovery), lambda: datetime.now(UTC)):
            typer.echo(f"{taken.partition}: goes on at offset {taken.next_offset}; {taken.how}")
    finally:
        opened.close()
        catalog.close()
    typer.echo(f"{settings.recovery} is ready: `tidemill run` goes on where {settings.lake} ends")
