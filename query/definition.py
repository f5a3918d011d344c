"""The pipeline as its lake remembers it: what a reader must know without the pipeline file."""

import json
from dataclasses import dataclass

from dataflow.durations import to_ms
from dataflow.errors import ForeignLake
from query.reader import LakeReader
from sinks.lake.catalog.sqlite import told


@dataclass(frozen=True, slots=True)
class RollupFacts:
    """One rollup. `additive` are its delta columns that simply add up (counts and sums)."""

    name: str
    keys: tuple[str, ...]
    window: str
    additive: tuple[str, ...]
    allowed_lateness_ms: int

    @property
    def is_session(self) -> bool:
        """Whether its windows are sessions, which grow and merge."""
        return self.window.startswith("session")


@dataclass(frozen=True, slots=True)
class PipelineFacts:
    """The pipeline of a lake; durations in ms."""

    name: str
    out_of_orderness_ms: int
    idle_timeout_ms: int
    rollups: dict[str, RollupFacts]


def read_facts(reader: LakeReader) -> PipelineFacts:
    """Read the definition in the catalog. Raises ForeignLake if no pipeline of ours has filled the lake."""
    catalog = reader.resolver.catalog()
    with told(catalog.path, 0):
        known = catalog.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_pipeline'").fetchall()
        rows = catalog.connection.execute("SELECT name, definition FROM own_pipeline").fetchall() if known else []
    if not rows:
        raise ForeignLake(
            f"no Tidemill pipeline has filled the lake {reader.lake_dir}; name another folder with --lake"
        )
    name, text = rows[0]
    definition = json.loads(text)
    return PipelineFacts(
        name,
        to_ms(definition.get("out_of_orderness", "0s")),
        to_ms(definition.get("idle_timeout", "30s")),
        {each: _rollup(each, facts) for each, facts in definition.get("rollups", {}).items()},
    )


def _rollup(name: str, facts: dict[str, object]) -> RollupFacts:
    aggregates = facts["aggregates"]
    keys = facts["keys"]
    assert isinstance(aggregates, dict)
    additive = tuple(each for each, form in aggregates.items() if form.startswith(("count(", "sum(")))
    return RollupFacts(
        name,
        tuple(keys if isinstance(keys, dict | list) else ()),
        str(facts["window"]),
        additive,
        to_ms(str(facts["allowed_lateness"])),
    )
