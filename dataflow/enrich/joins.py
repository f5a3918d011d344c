"""The lookups of a pipeline, by the dimension files that held when a row was read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from dataflow.enrich.lookup import Lookup
from dataflow.errors import DimensionLost
from dataflow.pipeline.declaration import Dimension
from dataflow.pipeline.dimension_file import DimensionTable, parse_dimension
from dataflow.pipeline.plan import DimensionPlan, Plan
from dataflow.rules import Joined, Rules

Kept = Callable[[str], bytes | None]
"""The bytes of the dimension file with this SHA-256 (hex), where there is a copy of it."""


def nothing_kept(sha256: str) -> bytes | None:
    """No copy of any file: rows can be joined with the pipeline's own dimensions alone."""
    return None


class Joins:
    """What rows are joined with: the plan's own dimensions, or those that the rows' rules name (semantics rule 13).

    A file that is not the plan's own is read when the first rows come that need it. Raises DimensionLost where no copy
    of it is kept.
    """

    def __init__(self, plan: Plan, kept: Kept = nothing_kept) -> None:
        self.plan = plan
        self._kept = kept
        self._own = tuple(each.joined for each in plan.dimensions)
        self._lookups: dict[tuple[Joined, ...], list[Lookup]] = {}
        self._refusing: dict[tuple[Joined, ...], list[Lookup]] = {}

    def lookups(self, rules: Rules | None) -> list[Lookup]:
        """For every column that the plan's dimensions add; one that none of that time added is null."""
        dimensions = self._dimensions(rules)
        if dimensions not in self._lookups:
            held = self.plan.dimensions if dimensions == self._own else self._then(dimensions)
            self._lookups[dimensions] = [Lookup(each) for each in held]
        return self._lookups[dimensions]

    def refusing(self, rules: Rules | None) -> list[Lookup]:
        """Of the dimensions that held, in their order, those by which an event with an unknown key is a dead letter."""
        dimensions = self._dimensions(rules)
        if dimensions not in self._refusing:
            strict = [each for each in dimensions if each.unknown == "dead_letter"]
            self._refusing[dimensions] = [Lookup(self._read(each, ())) for each in strict]
        return self._refusing[dimensions]

    def _dimensions(self, rules: Rules | None) -> tuple[Joined, ...]:
        return self._own if rules is None or rules.dimensions is None else rules.dimensions

    def _then(self, dimensions: Sequence[Joined]) -> Iterator[DimensionPlan]:
        """Dimensions that add the plan's columns as those of that time did; columns are known by name and type."""
        wanted = {field.name: field for own in self.plan.dimensions for field in own.columns.schema}
        for each in dimensions:
            names = [name for name, type_ in each.columns if name in wanted and str(wanted[name].type) == type_]
            if names:
                yield self._read(each, [wanted.pop(name) for name in names])
        for own in self.plan.dimensions:
            names = [name for name in own.columns.schema.names if name in wanted]
            if names:
                yield replace(own, keys=own.keys.slice(0, 0), columns=own.columns.select(names).slice(0, 0))

    def _read(self, joined: Joined, fields: Sequence[pa.Field]) -> DimensionPlan:
        """The dimension as it was, with these columns alone."""
        names = [field.name for field in fields]
        declared = Dimension(
            joined.name, "", joined.key, {}, "dead_letter" if joined.unknown == "dead_letter" else "null"
        )
        for own in self.plan.dimensions:
            # its file may be too large for a copy
            same = own.digest == joined.sha256 and own.dimension.key == joined.key
            if same and set(names) <= set(own.columns.schema.names):
                return DimensionPlan(declared, own.keys, own.columns.select(names), joined.sha256)
        table = self._table(joined, fields)
        return DimensionPlan(declared, table.keys, table.columns, joined.sha256)

    def _table(self, joined: Joined, fields: Sequence[pa.Field]) -> DimensionTable:
        content = self._kept(joined.sha256)
        if content is None:
            raise DimensionLost(
                f"rows were joined with dimension {joined.name} by the file of SHA-256 {joined.sha256}, and the lake "
                "keeps no copy of it: put that file back, named after its SHA-256, or leave those rows out"
            )
        known = self.plan.event.arrow
        if joined.key not in known.names:
            raise DimensionLost(
                f"rows were joined with dimension {joined.name} by {joined.key}, which the event model has no longer: "
                "put the field back into a copy of the pipeline file"
            )
        types = {field.name: field.type for field in fields}
        where = f"the file {joined.sha256[:12]} of dimension {joined.name}"
        return parse_dimension(content, where, joined.key, known.field(joined.key).type, types)
