"""A checked pipeline as JSON values: what its fingerprint is of, and what a lake remembers."""

import hashlib
from collections.abc import Iterable, Mapping
from json import dumps
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dataflow.event.schema import EventField
from dataflow.event.text_time import TextTime
from dataflow.formats.declared import Format, json
from dataflow.zones import zone_of

if TYPE_CHECKING:
    from dataflow.pipeline.alert_plan import AlertPlan
    from dataflow.pipeline.pair_plan import PairPlan
    from dataflow.pipeline.plan import DimensionPlan, Plan, RollupPlan


def definition_of(plan: "Plan", digests: Mapping[str, str]) -> dict[str, Any]:
    """All of a checked pipeline as JSON values; `digests`: SHA-256 of each dimension's file, by its name.

    Plain JSON goes without saying, as in lakes that were made before there were other formats.
    """
    return _format(plan) | {
        "name": plan.name,
        "event": [_field_definition(leaf) for leaf in plan.event.fields],
        "out_of_orderness_ms": plan.out_of_orderness_ms,
        "idle_timeout_ms": plan.idle_timeout_ms,
        "max_future_ms": plan.max_future_ms,
        **({} if plan.max_future_clock_ms is None else {"max_future_clock_ms": plan.max_future_clock_ms}),
        "deduplicate_by": plan.dedup_column,
        "deduplicate_within_ms": plan.dedup_within_ms,
        "max_record_bytes": plan.max_record_bytes,
        "dimensions": [_dimension_definition(each, digests[each.dimension.name]) for each in plan.dimensions],
        "rollups": [_rollup_definition(rollup) for rollup in plan.rollups],
        "tables": {"events": _columns(plan.row_schema)}
        | {rollup.delta_table: _delta(rollup) for rollup in plan.rollups},
        # said only where there are rules, as all definitions were before there were any
        **({"alerts": [_rule_definition(rule) for rule in plan.alerts]} if plan.alerts else {}),
    }


def fingerprint_of(definition: Mapping[str, Any]) -> str:
    """SHA-256 of a definition: two pipelines of one fingerprint make the same tables of the same records."""
    text = dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _format(plan: "Plan") -> dict[str, Any]:
    found = {} if plan.format == json() else {"format": _said(plan.format)}
    return found if plan.key_format is None else found | {"key_format": _said(plan.key_format)}


def _said(said: Format) -> dict[str, Any]:
    aliases = {name: list(former) for name, former in sorted(said.aliases.items())}
    found = {"name": said.name, "schema": said.schema, "aliases": aliases}
    if said.name == "protobuf":
        found |= {"message": said.message, "registry": said.registry}
    return found


def _columns(columns: Iterable[pa.Field]) -> list[list[str]]:
    return [[column.name, str(column.type)] for column in columns]


def _delta(rollup: "RollupPlan") -> list[list[str]]:
    return [*_columns(rollup.keys), *(pair for agg in rollup.aggregates for pair in _columns(agg.columns))]


def _field_definition(leaf: EventField) -> dict[str, object]:
    text: dict[str, object] = {} if leaf.text is None else {"text": _text_definition(leaf.text)}
    if leaf.is_amount_text:
        text["text"] = "amount"
    # said only of fields that come from the record, as all definitions were before there were any
    of_record = {} if leaf.record is None else {"record": leaf.record.column}
    if leaf.record is not None and leaf.record.field is not None:
        of_record["key_field"] = leaf.record.field
    many: dict[str, object] = {} if leaf.element is None else {"element": _field_definition(leaf.element)}
    return (
        text
        | of_record
        | many
        | {
            "name": leaf.name,
            "path": list(leaf.path),
            "kind": leaf.kind.value,
            "nullable": leaf.nullable,
            "null_ok": leaf.null_ok,
            "required": leaf.required,
            "default": None if leaf.default is None else str(leaf.default),
            "unit": None if leaf.unit is None else leaf.unit.value,
            "choices": None if leaf.choices is None else list(leaf.choices),
            "constraints": repr(leaf.constraints),
        }
    )


def _text_definition(text: TextTime) -> dict[str, object]:
    zone = None if text.zone is None else [text.zone, zone_of(text.zone).digest]
    return {"unit": text.unit, "zone": zone, "bounds": list(text.bounds)}


def _dimension_definition(plan: "DimensionPlan", digest: str) -> dict[str, object]:
    dimension = plan.dimension
    return {
        "name": dimension.name,
        "key": dimension.key,
        "columns": _columns(plan.columns.schema),
        "unknown": dimension.unknown,
        "sha256": digest,
    }


def _rule_definition(rule: "AlertPlan | PairPlan") -> dict[str, object]:
    texts = [piece.text.replace("{", "{{").replace("}", "}}") for piece in rule.message]
    columns = ["" if piece.column is None else f"{{{piece.column}}}" for piece in rule.message]
    return {
        "name": rule.name,
        "rollup": rule.rollup.name,
        "having": rule.asks,
        "severity": rule.severity,
        "message": "".join(text + column for text, column in zip(texts, columns, strict=True)),
        "cool_down_ms": rule.cool_down_ms,
    }


def _rollup_definition(rollup: "RollupPlan") -> dict[str, object]:
    window = rollup.window
    return {
        "name": rollup.name,
        "keys": _columns(rollup.keys),
        "window": {
            "kind": window.kind,
            "size_ms": window.size_ms,
            "slide_ms": window.slide_ms,
            "offset_ms": window.offset_ms,
        }
        | ({} if window.zone is None else {"zone": window.zone, "zone_rules": zone_of(window.zone).digest}),
        "where": None if rollup.where is None else rollup.where.sql,
        "allowed_lateness_ms": rollup.allowed_lateness_ms,
        "aggregates": [
            {
                "name": agg.name,
                "kind": agg.aggregate.kind,
                "column": agg.aggregate.column,
                "type": None if agg.column_type is None else str(agg.column_type),
                "where": None if agg.where is None else agg.where.sql,
                "q": agg.aggregate.q,
                "columns": _columns(agg.columns),
            }
            for agg in rollup.aggregates
        ],
    }
