"""Which rules have held in a lake, and from which offsets on."""

import json
from datetime import datetime

from dataflow.pipeline.names import LEDGER
from dataflow.pipeline.tables import DIMENSIONS, RULES, lateness_column
from dataflow.rules import Rules
from dataflow.spoken import listed, moment
from dataflow.sql import quoted
from doctor.finding import Finding, ok
from query.reader import LakeSnapshot
from sinks.lake.tables.changes import differences
from sinks.lake.tables.definition import Definition

CHECK = "rules"


def rules_finding(snapshot: LakeSnapshot, facts: Definition) -> Finding:
    """Every change of the rules, oldest first: what was what, and from which offsets what it is."""
    found: dict[tuple[str, str, str], dict[str, tuple[int, datetime]]] = {}
    before: dict[str, Rules] = {}
    for partition, start, at, rules in _changes(snapshot, facts):
        for change in differences(before.get(partition, rules), rules):
            found.setdefault(change, {}).setdefault(partition, (start, at))
        before[partition] = rules
    told = []
    for (what, was, becomes), places in found.items():
        since = min(at for _, at in places.values())
        named = listed([f"{partition} offset {start}" for partition, (start, _) in places.items()])
        told.append(f"{what} was {was} and is {becomes} from {named} on ({moment(since)})")
    details = [
        {"rule": what, "was": was, "is": becomes, "from": {name: start for name, (start, _) in places.items()}}
        for (what, was, becomes), places in found.items()
    ]
    return ok(CHECK, "; ".join(told) or "all records were judged by the same rules", changes=details)


def _changes(snapshot: LakeSnapshot, facts: Definition) -> list[tuple[str, int, datetime, Rules]]:
    """Per source partition the first range with records, and each whose rules are not those of the one before."""
    there = {column.name for column in snapshot.tables[LEDGER].columns}
    lateness = [name for name in facts.by_name if lateness_column(name) in there]
    names = (*RULES, *([DIMENSIONS] if DIMENSIONS in there else []), *map(lateness_column, lateness))
    columns = [quoted(name) for name in names]
    if RULES[0] not in there:
        return []
    rules = f"({', '.join(columns)}, 0)"
    rows = snapshot.query(
        f'SELECT "partition", start_offset, committed_at, {", ".join(columns)} FROM ('
        f" SELECT *, row_number() OVER ranges = 1 OR {rules} IS DISTINCT FROM lag({rules}) OVER ranges AS new"
        f" FROM {LEDGER} WHERE end_offset > start_offset"
        ' WINDOW ranges AS (PARTITION BY "partition" ORDER BY start_offset)) AS ranges'
        " WHERE new ORDER BY committed_at, 1, 2"
    ).to_pylist()
    return [(row["partition"], row["start_offset"], row["committed_at"], _rules(row, lateness, facts)) for row in rows]


def _rules(row: dict[str, object], rollups: list[str], facts: Definition) -> Rules:
    if row[RULES[0]] is None:
        return facts.first_rules
    lateness = {name: row[lateness_column(name)] for name in rollups if row[lateness_column(name)] is not None}
    told = row.get(DIMENSIONS)
    rules = Rules.of_json({**row, "allowed_lateness_ms": lateness, "dimensions": told and json.loads(str(told))})
    return rules if told is not None else rules._replace(dimensions=facts.first_rules.dimensions)
