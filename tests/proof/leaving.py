"""A lake that the product filled from files and from which things have left."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dataflow import Rollup
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import CompactionReport, compact
from sinks.lake.upkeep.expire import Retention
from tests.model.streams import Cuts
from tests.proof.audited import Audited, pipeline

CUTS = Cuts(tuple(step for _ in range(20) for step in (("poll", 0, 3), ("poll", 1, 3), ("epoch", 0, 0))))
"""Small commits, so that whole files are old enough to go."""

KEEPS = {"per_ad": "17s", "moving": "18s", "visits": "16s"}


def keeping(**changes: Any) -> dict[str, Any]:
    """The pipeline's changes with which everything leaves some day."""
    rollups = [
        Rollup(**{name: getattr(each, name) for name in each.__slots__ if name != "keep"}, keep=KEEPS[each.name])
        for each in pipeline().rollups
    ]
    rows = {"events_keep": "10s", "late_events_keep": "10s", "dead_letters_keep": "10s"}
    return {"rollups": rollups, **rows, "deduplicate_within": "1s", **changes}


class Kept(Audited):
    """The lake after retention; `report` is the compaction that let things leave."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        super().__init__(folder, CUTS, **keeping(**changes))
        self.report = self.retain()

    def retain(self) -> CompactionReport:
        catalog = Catalog.open(self.lake)
        try:
            now = datetime.now(UTC) + timedelta(minutes=1)
            kept = Retention(keep=timedelta(days=9_999), thin_every=timedelta(0))
            return compact(catalog, specs_of_lake(catalog), clock=lambda: now, retention=kept)
        finally:
            catalog.close()
