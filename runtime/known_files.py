"""What is known of the files that a lake and its recovery folder go on with."""

from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from dataflow.errors import TidemillError
from dataflow.sources.files.content_print import Known, known_of
from runtime.recovery_folder import RecoveryFolder
from runtime.recovery_store import stored_states
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.contents import contents


def known_files(lake: Path, recovery: RecoveryFolder | None) -> dict[str, Known | None]:
    """By source partition that came from files; None where nothing but its name is known.

    What the recovery store has of one counts before what the lake has, since a run goes on from there. Of what cannot
    be read nothing is known: others tell.
    """
    found: dict[str, Known | None] = {}
    with suppress(TidemillError), closing(Catalog.look(lake)) as catalog:
        found = of_lake(catalog)
    if recovery is not None and recovery.exists:
        with suppress(TidemillError):
            for name, state in stored_states(recovery).items():
                hint = None if state is None else state.get("hint")
                told = hint[2] if isinstance(hint, list | tuple) and len(hint) > 2 else hint
                known = known_of(told) if isinstance(told, Mapping) else None
                if "/" not in name and (known is not None or name not in found):
                    found[name] = known
    return found


def of_lake(catalog: Catalog) -> dict[str, Known | None]:
    """The same by the lake alone."""
    return known_in(catalog.topics(), contents(catalog.connection))


def known_in(topics: Mapping[str, str | None], told: Mapping[str, str]) -> dict[str, Known | None]:
    """From a lake's source partitions and what it says of them."""
    return {name: known_of(told[name]) if name in told else None for name in topics if "/" not in name}
