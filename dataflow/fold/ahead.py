"""The fold of some rollups alone: what is looked at before the rows are folded for good."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from dataflow.enrich.joins import Joins
from dataflow.fold.fold import Fold
from dataflow.messages import Judged
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import rollup_tables
from dataflow.rules import Rules


class FoldAhead:
    """As `Fold`, of rows of any ranges at once, as nobody asks for their lines of the ledger."""

    def __init__(self, plan: Plan, rollups: Collection[str], joins: Joins | None = None) -> None:
        """`rollups`: the names of those that are wanted."""
        some = tuple(rollup for rollup in plan.rollups if rollup.name in rollups)
        self._fold = Fold(replace(plan, rollups=some), events=False, joins=joins or Joins(plan)).fold
        self._rules = plan.rules
        self._names = {spec.name for rollup in some for spec in rollup_tables(rollup)}

    def tables(self, parts: Sequence[Judged]) -> list[Mapping[str, pa.RecordBatch]]:
        """Rows by table, whose keys may repeat: one mapping for each of the rules by which the rows were judged."""
        by_rules: dict[Rules, list[pa.RecordBatch]] = {}
        for part in parts:
            if part.rows is not None and part.rows.num_rows:
                by_rules.setdefault(part.rules or self._rules, []).append(part.rows)
        whole = [Judged("", None, 0, 0, rows=pa.concat_batches(rows), rules=rules) for rules, rows in by_rules.items()]
        folded = [self._fold(each).tables for each in whole]
        return [{name: tables[name] for name in self._names & tables.keys()} for tables in folded]
