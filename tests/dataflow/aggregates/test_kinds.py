"""The table of aggregate kinds: one entry is all that a kind needs, from the plan to the view."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from dataflow import Pipeline, Rollup, aggregates
from dataflow.aggregates import Aggregate, kinds, parts
from dataflow.aggregates.duckdb import ViewSql
from dataflow.aggregates.kinds import KINDS, AggregateKind
from dataflow.windows import session, tumble
from tests import harness
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.small_event import SmallEvent

SPREAD = AggregateKind(
    "spread",
    parts=(parts.extremes("max", "_high"), parts.extremes("min", "_low")),
    result=lambda type_: type_,
    sql={"duckdb": ViewSql(merged=lambda source: f"max({source.columns[0]}) - min({source.columns[1]})")},
)
"""A kind that Tidemill does not have."""


def test_every_declaration_has_its_kind_and_every_kind_a_text_for_each_dialect() -> None:
    declared = [name for name in aggregates.__all__ if name != "Aggregate"]
    assert sorted(declared) == sorted(KINDS)
    dialects = {dialect for kind in KINDS.values() for dialect in kind.sql}
    assert all(kind.sql.keys() == dialects for kind in KINDS.values())
    assert "duckdb" in dialects


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_empties_each_of_its_columns_in_the_columns_type(kind: AggregateKind) -> None:
    names, types = kind.columns("x"), kind.types(pa.int64())
    assert len(names) == len(types) == len(set(names))
    empty = [part.empty(type_, 3) for part in kind.parts for type_ in part.types(pa.int64())]
    assert [array.type for array in empty] == types
    assert all(len(array) == 3 for array in empty)


def test_a_quantile_is_a_number_from_0_to_1() -> None:
    assert all(map(kinds.is_quantile, (0, 1, 0.5)))
    assert not any(map(kinds.is_quantile, (-0.1, 1.1, float("nan"), True, None, "0.5")))


def test_a_new_kind_is_one_entry_from_the_plan_to_the_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "spread", SPREAD)
    rollups = [
        Rollup("each", ["kind"], tumble("10ms"), {"spread": Aggregate("spread", "user"), "n": aggregates.count()}),
        Rollup("visits", ["kind"], session("10ms"), {"spread": Aggregate("spread", "user")}),
    ]
    lines = [(1, "a", 5), (2, "a", 9), (3, "b", 1), (11, "a", 2), (12, "b", None)]
    records = [
        Record(at, json.dumps({"id": str(at), "time": time, "kind": kind, "user": user}).encode())
        for at, (time, kind, user) in enumerate(lines)
    ]
    cuts = Cuts((("poll", 0, 2), ("epoch", 0, 0), ("restart", 1, 0), ("poll", 0, 1), ("epoch", 0, 0)))
    texts = harness.run(Pipeline("p", SmallEvent, rollups), tmp_path, {"t/0": records}, tmp_path / "run", cuts)
    assert texts["each.csv"].splitlines()[1:] == ["0,10,a,4,2", "0,10,b,0,1", "10,20,a,0,1", "10,20,b,\\N,1"]
    assert texts["visits.csv"].splitlines()[1:] == ["1,21,a,7", "3,22,b,0"]
