"""The alerts that stand in a lake, as it holds them."""

import json
from collections.abc import Collection

import pyarrow as pa

from dataflow.alerts.texts import json_text
from dataflow.pipeline.names import ALERTS
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.plan import Plan
from dataflow.sql import text
from proof.pair_standing import places_of
from proof.parity.layout import ALERTS_LAYOUT
from query.reader import LakeSnapshot


def held_alerts(snapshot: LakeSnapshot, plan: Plan, rules: Collection[str]) -> pa.Table:
    """Those of these rules, in the columns of ALERTS_LAYOUT."""
    pairs = {rule.name: rule for rule in plan.alerts if isinstance(rule, PairPlan)}
    named = ", ".join(map(text, rules)) or "NULL"
    rows = snapshot.query(
        "SELECT rule, key, epoch_ms(window_start) AS window_start, epoch_ms(window_end) AS window_end, values"
        f" FROM {ALERTS} WHERE state = 'raised' AND rule IN ({named})"
    ).to_pylist()
    for row in rows:
        values, rule = row.pop("values"), pairs.get(row["rule"])
        row["of"] = "" if rule is None else json_text(places_of(rule, json.loads(values)))
    return pa.Table.from_pylist(rows, ALERTS_LAYOUT.schema)
