"""The one place where a plan gets its decoder."""

import ast
from pathlib import Path

import pyarrow as pa
import pytest

from dataflow import Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.decode.decoder import decoder_for
from dataflow.decode.json.framed import UnframingDecoder
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import PlainDecoder
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.windows import tumble
from tests.dataflow.decode.models import Flat

ROOT = Path(__file__).parents[3]
PRODUCT = (
    *("dataflow", "sinks", "query", "runtime", "proof", "doctor", "starter", "emit", "serve", "flink", "spark", "cli"),
    *("pipelines", "deploy"),
)


def plan_of(max_record_bytes: int | None = None) -> Plan:
    rollup = Rollup("each", keys=[], window=tumble("1m"), aggregates={"n": agg.count()})
    return make_plan(Pipeline(name="p", event=Flat, rollups=[rollup], max_record_bytes=max_record_bytes), Path())


@pytest.mark.parametrize("compiled", [True, False])
def test_a_plans_own_limit_and_event_decide_what_is_refused(compiled: bool) -> None:
    values = pa.array([b"{", b"{" + b" " * 100 + b"}"], pa.binary())
    assert [each.reason for each in decoder_for(plan_of(), compiled=compiled).decode(values).refusals] == [
        "malformed",
        "missing_field",
    ]
    assert [each.reason for each in decoder_for(plan_of(50), compiled=compiled).decode(values).refusals] == [
        "malformed",
        "too_large",
    ]


def test_a_run_decodes_with_compiled_code_and_a_proof_without_it() -> None:
    compiled = decoder_for(plan_of())
    assert isinstance(compiled, UnframingDecoder)
    assert isinstance(compiled.inner, PlainDecoder)
    assert isinstance(decoder_for(plan_of(), compiled=False), JsonDecoder)


def test_no_other_file_of_the_product_names_a_format() -> None:
    names: dict[str, set[str | None]] = {}
    for path in [*(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")), ROOT / "run.py"]:
        place = path.relative_to(ROOT)
        if place.parts[:3] == ("dataflow", "decode", "json"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dataflow.decode.json"):
                names.setdefault(str(place), set()).add(node.module)
    names.pop("dataflow/decode/decoder.py")
    # a second opinion judges records by the contract itself, of JSON alone, and not by any decoder
    assert names == {
        "proof/parity/adversary.py": {"dataflow.decode.json.contract"},
        "proof/parity/judged.py": {"dataflow.decode.json.contract"},
    }
