"""What a lake remembers of its pipeline, and which changes of the pipeline it can follow."""

import json
from typing import Any

from dataflow.durations import to_text
from dataflow.errors import LakeError
from dataflow.pipeline.plan import AggregatePlan, Plan, RollupPlan

_WAY_OUT = "restore the old definition, give the changed rollup a new name, or start a new lake in another folder"


def definition_of(plan: Plan) -> dict[str, Any]:
    """What readers of the lake must know of a plan, as JSON values; all but idle_timeout decides what tables hold."""
    return {
        "version": 1,
        "out_of_orderness": to_text(plan.out_of_orderness_ms),
        "idle_timeout": to_text(plan.idle_timeout_ms),
        "deduplicate_by": plan.dedup_column,
        "deduplicate_within": to_text(plan.dedup_within_ms),
        "columns": {field.name: str(field.type) for field in plan.row_schema},
        "rollups": {rollup.name: _rollup(rollup) for rollup in plan.rollups},
    }


def require_compatible(old: dict[str, Any], new: dict[str, Any], lake: str) -> None:
    """Raise LakeError, naming every difference and the fix, unless a lake of `old` can go on as `new`.

    New rollups and new columns are fine, and so is a rollup that is gone: its tables stay as they are.
    """
    changes = [
        f"{what} was {old.get(what)!r} and is {new.get(what)!r}"
        for what in ("out_of_orderness", "deduplicate_by", "deduplicate_within")
        if old.get(what) != new.get(what)
    ]
    for name, kind in old.get("columns", {}).items():
        if name in new["columns"] and new["columns"][name] != kind:
            changes.append(f"column {name} was {kind} and is {new['columns'][name]}")
    for name, rollup in old.get("rollups", {}).items():
        now = new["rollups"].get(name)
        if now is not None and now != rollup:
            changes += [
                f"rollup {name}: {what} was {_short(rollup.get(what))} and is {_short(now.get(what))}"
                for what in sorted({*rollup, *now})
                if rollup.get(what) != now.get(what)
            ]
    if changes:
        listed = "\n".join(f"  - {change}" for change in changes)
        raise LakeError(f"the lake {lake} was filled by another definition of this pipeline:\n{listed}\n{_WAY_OUT}")


def to_json(definition: dict[str, Any]) -> str:
    """Canonical text of a definition."""
    return json.dumps(definition, sort_keys=True, ensure_ascii=False)


def _rollup(rollup: RollupPlan) -> dict[str, Any]:
    window = rollup.window
    return {
        "keys": {key.name: str(key.type) for key in rollup.keys},
        "window": f"{window.kind}({', '.join(map(to_text, (window.size_ms, window.slide_ms, window.offset_ms)))})",
        "where": rollup.where.sql if rollup.where is not None else None,
        "aggregates": {aggregate.name: _aggregate(aggregate) for aggregate in rollup.aggregates},
        "allowed_lateness": to_text(rollup.allowed_lateness_ms),
    }


def _aggregate(plan: AggregatePlan) -> str:
    aggregate = plan.aggregate
    parts = [aggregate.column or "*"]
    if aggregate.q is not None:
        parts.append(f"q={aggregate.q!r}")
    if plan.where is not None:
        parts.append(f"where {plan.where.sql}")
    kind = "" if plan.column_type is None else f" over {plan.column_type}"
    return f"{aggregate.kind}({', '.join(parts)}){kind}"


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else repr(value)
