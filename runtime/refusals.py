"""What a run would refuse of its lake, in the run's own words, without a run: only looks."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from dataflow.errors import TidemillError
from dataflow.pipeline.plan import Plan
from runtime.recovery_folder import RecoveryFolder
from runtime.same_source import kept_by, require_same_source
from runtime.settings import Settings
from runtime.sources import open_source
from sinks.lake import agreement
from sinks.lake.catalog.catalog import Catalog, require_empty
from sinks.lake.catalog.enclosing import is_lake, require_outside
from sinks.lake.tables import prepare


def refusals(settings: Settings, plan: Plan, clock: Callable[[], datetime]) -> list[TidemillError] | None:
    """All that a run of `plan` would refuse, what it ends with first; None where there is no lake yet.

    Nothing is asked of a broker: of Kafka only another topic can be told.
    """
    lake = Path(settings.lake)
    try:
        if prepare.is_blank(lake):
            if lake.exists():
                require_empty(lake.absolute())
            return None
        catalog = Catalog.look(lake)
    except TidemillError as error:
        return [error]
    with closing(catalog):
        return list(_of_lake(settings, plan, clock, catalog))


def require_places(settings: Settings, recovery: RecoveryFolder) -> None:
    """Raise ConfigError where a new lake or a new recovery folder would be made inside a lake."""
    lake = Path(settings.lake)
    if not is_lake(lake):
        require_outside("lake", lake)
    if not recovery.exists:
        require_outside("recovery", recovery.path, [lake])


def _of_lake(
    settings: Settings, plan: Plan, clock: Callable[[], datetime], catalog: Catalog
) -> Iterator[TidemillError]:
    recovery = RecoveryFolder(Path(settings.recovery))

    def agree() -> None:
        agreement.agreed(catalog, plan.name, recovery)

    def same_source() -> None:
        require_same_source(settings, there, kept_by(Path(settings.lake), catalog.topics(), recovery))

    there: list[str] | None = None
    if settings.source != "kafka":
        try:
            with closing(open_source(settings, plan, clock)) as source:
                there = source.partitions()
        except TidemillError as error:
            yield error
    yield from _raised(lambda: require_places(settings, recovery))
    yield from prepare.refusals(catalog, plan, events=settings.events)
    if catalog.definitions() and plan.name not in catalog.definitions():
        return  # which source and recovery folder another pipeline's lake has is no matter of this one
    yield from _raised(agree)
    if settings.source == "kafka" or there is not None:
        yield from _raised(same_source)


def _raised(look: Callable[[], None]) -> Iterator[TidemillError]:
    try:
        look()
    except TidemillError as error:
        yield error
