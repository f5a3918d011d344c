"""`tidemill recover`: the way out when recovery folder and lake do not belong together any more."""

import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.lakes import open_reader, open_to_write
from cli.options import GENERATOR, SOURCE, Given, settings_with_logs, takes

if TYPE_CHECKING:
    from runtime.settings import Settings

PAUSE_S = 0.005
"""Between two questions to a source that has nothing yet."""


@takes(*SOURCE, "lake", "recovery", *GENERATOR)
def recover(
    given: Given,
    from_lake: Annotated[
        bool, typer.Option("--from-lake", help="Make a new recovery folder that goes on where the lake ends.")
    ] = False,
) -> None:
    """Take a lake over when its recovery folder is lost, or when the lake was restored from a backup.

    Sources will start at the lake's own offsets; remembered ids are read back from the source. The old recovery
    folder is kept under another name. Nothing is counted twice, nothing left out. ^C or SIGTERM ends it and changes
    nothing.
    """
    from cli.bar import Bar
    from dataflow.errors import ConfigError
    from dataflow.pipeline.load import load
    from proof.reopen import reopen
    from proof.takeover import take_over
    from runtime.recovery_folder import RecoveryFolder
    from runtime.registry.open import with_schemas

    if not from_lake:
        raise ConfigError("--from-lake", False, "say what to recover from: `tidemill recover --from-lake`")

    def now() -> datetime:
        return datetime.now(UTC)

    settings = settings_with_logs(given)
    plan = with_schemas(settings, load(settings.pipeline))
    catalog = open_to_write(settings.lake, plan)
    # as for ^C, so that what was begun is tidied up
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with open_reader(settings.lake) as reader:
            source = reopen(settings, plan, reader, now)
        try:
            _require_same_sources(settings, catalog.topics(), source.partitions())
            folder = RecoveryFolder(settings.recovery)
            with Bar("reading back", "records") as bar:
                found = take_over(catalog, plan, source, folder, clock=now, wait=lambda: time.sleep(PAUSE_S), steps=bar)
            for taken in found:
                for line in taken.lines():
                    typer.echo(line)
        finally:
            source.close()
    finally:
        catalog.close()
    typer.echo(f"{settings.recovery} is ready: `tidemill run` goes on where {settings.lake} ends")


def _require_same_sources(settings: "Settings", topics: "dict[str, str | None]", there: list[str]) -> None:
    """Raise what a run would, of the source that the settings name; the others have filled the lake before."""
    from runtime.same_source import Kept, is_of, require_same_source

    # the old recovery folder, if it is there, is of no account
    kept = Kept(settings.lake, settings.recovery, topics, None)
    others = {name for name in kept.names if not is_of(settings, kept.origin(name))}
    require_same_source(settings, [name for name in there if name not in others], kept)
