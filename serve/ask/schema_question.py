"""What there is to ask: tables, views and rollups with their columns, and the pipeline that fills them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from dataflow.windows.kinds import window_text
from serve.ask.parameters import Pairs, Parameter, read
from serve.ask.question import AS_OF, Asking, Document, Found
from serve.lake import LakeAt, ServedLake
from sinks.lake.tables.definition import RollupDefinition


class SchemaQuestion:
    """Every table and view of the lake."""

    parameters: ClassVar[Sequence[Parameter]] = (AS_OF,)
    is_table = False
    is_slow = False

    def __init__(self, pairs: Pairs) -> None:
        self.values = read(pairs, self.parameters)

    @property
    def as_of(self) -> str | int | None:
        """What was asked for."""
        as_of: str | None = self.values["as_of"]
        return as_of

    def facts(self, at: LakeAt) -> object:
        """The definition, which a new run may change."""
        return at.definition

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """Tables first, then rollups, each by name."""
        snapshot, definition = at.snapshot, at.definition
        rollups = definition.by_name
        tables: list[dict[str, Any]] = [
            {
                "name": name,
                "kind": "table",
                "columns": [{"name": column.name, "type": column.duckdb} for column in layout.columns],
                "rows": sum(file.record_count for file in snapshot.files(name)),
            }
            for name, layout in sorted(snapshot.tables.items())
        ]
        tables += [
            {
                "name": name,
                "kind": "rollup" if name in rollups else "view",
                "columns": [{"name": column, "type": type_} for column, type_ in at.types(name).items()],
                "rows": None,
                **(_of_rollup(rollups[name]) if name in rollups else {}),
            }
            for name in sorted(snapshot.views)
        ]
        pipeline = {
            "name": definition.name,
            "event_time": definition.time_column,
            "out_of_orderness_ms": definition.out_of_orderness_ms,
            "idle_timeout_ms": definition.idle_timeout_ms,
            "deduplicate_by": definition.deduplicate_by,
            "values": {name: list(held) for name, held in definition.values.items()},
        }
        return Document({"tables": tables, "pipeline": pipeline})


def _of_rollup(rollup: RollupDefinition) -> dict[str, Any]:
    window = rollup.window
    return {
        "keys": rollup.key_names,
        "aggregates": [
            {
                "name": each.name,
                "kind": each.kind,
                "additive": each.known.additive,
                "column": each.column,
                "type": each.type,
                "where": each.where,
            }
            for each in rollup.aggregates
        ],
        "window": {
            "kind": window.kind,
            "size_ms": window.size_ms,
            "slide_ms": window.slide_ms,
            "offset_ms": window.offset_ms,
            "text": window_text(window.window),
        },
        "allowed_lateness_ms": rollup.allowed_lateness_ms,
        "where": rollup.where,
    }
