"""The copies of dimension files that a lake keeps, against the ranges of its ledger that name them."""

import json
from pathlib import Path

from dataflow.pipeline.names import LEDGER
from dataflow.pipeline.plan import Plan
from dataflow.pipeline.tables import DIMENSIONS
from dataflow.rules import Joined
from dataflow.spoken import counted, listed, size
from doctor.finding import Finding, ok, warning
from query.reader import LakeSnapshot
from sinks.lake.dimensions import KeptDimensions
from sinks.lake.names import dimension_path

CHECK = "dimensions"


def dimensions_finding(snapshot: LakeSnapshot, lake: Path, plan: Plan | None) -> Finding:
    """Which files rows were joined with, and of which no copy is there."""
    named = _named(snapshot)
    if not named:
        return ok(CHECK, "no line of the ledger names a dimension's file", files=0)
    kept = KeptDimensions(lake)
    own = set() if plan is None else {each.digest for each in plan.dimensions}
    contents = {sha256: kept(sha256) for sha256 in sorted(named)}
    lost = [sha256 for sha256, content in contents.items() if content is None]
    there = [content for content in contents.values() if content is not None]
    told = f"copies of {counted(len(there), 'file')} that rows were joined with ({size(sum(map(len, there)))})"
    gone = [sha256 for sha256 in lost if sha256 not in own]
    if gone:
        places = [f"{', '.join(sorted(named[each]))} by {dimension_path(lake, each)}" for each in gone]
        return warning(
            CHECK,
            f"{told}; of {counted(len(gone), 'file')} there is none, or it is damaged: {listed(places)}",
            "put the file back there from a backup, or from where the pipeline had it: without it, audit and replay "
            "cannot say what rows of that time have to be",
            files=len(named),
            lost=gone,
        )
    return ok(CHECK, told, files=len(named), lost=[])


def _named(snapshot: LakeSnapshot) -> dict[str, set[str]]:
    """By SHA-256 the names of the dimensions that were joined by that file."""
    if snapshot.tables[LEDGER].column(DIMENSIONS) is None:
        return {}
    rows = snapshot.query(f"SELECT DISTINCT {DIMENSIONS} AS told FROM {LEDGER} WHERE end_offset > start_offset")
    found: dict[str, set[str]] = {}
    for row in rows.to_pylist():
        for each in map(Joined.of_json, json.loads(row["told"] or "[]")):
            found.setdefault(each.sha256, set()).add(each.name)
    return found
