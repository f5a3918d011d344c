"""Mutated Avro and Protobuf records in bulk through the decoders of a run, each verdict and value against the model.

python -m bench.fuzz_formats --records 1000000 --seed 1
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.results import write
from dataflow import avro, protobuf
from dataflow.decode.decoder import Decoder, decoder_for
from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import RegisteredSchema
from dataflow.pipeline.plan import make_plan
from tests.avro_events import FIRST, GOOD, GOOD_SECOND, GOOD_THIRD, PIPELINE, SECOND, THIRD, body, framed, mutated
from tests.model import adapter
from tests.model import avro as avro_model
from tests.model import protobuf as protobuf_model
from tests.model.contract import Dead
from tests.model.spec import PipelineSpec
from tests.proto_events import SHAPE, OrderMessage, order
from tests.proto_events import framed as framed_message

BATCH = 10_000
_FEW = 10

Model = Callable[[bytes], dict[str, Any] | Dead]
Make = Callable[[], Decoder]


@dataclass(slots=True)
class Outcome:
    """What became of a format's records; `problems`: the first that the model judges otherwise."""

    records: int = 0
    seconds: float = 0.0
    classes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class _Registry:
    """Three schemas of Avro, one of Protobuf under a number of its own, and no other."""

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        return {
            1: RegisteredSchema("AVRO", FIRST),
            2: RegisteredSchema("AVRO", SECOND),
            3: RegisteredSchema("PROTOBUF", "message"),
            4: RegisteredSchema("AVRO", THIRD),
        }.get(int(key.value) if key.kind == "id" else 0)


def avro_case(spec: PipelineSpec) -> tuple[Make, Model, list[bytes]]:
    """What makes a decoder of framed Avro, the model of it, and good records of all schemas."""
    plan = replace(make_plan(replace(PIPELINE, format=avro()), Path()), schemas=_Registry())
    texts = {1: FIRST, 2: SECOND, 4: THIRD}
    schemas = {number: ("AVRO", avro_model.Schema(text)) for number, text in texts.items()}
    good = [
        framed(1, body(FIRST, GOOD)),
        framed(2, body(SECOND, GOOD_SECOND)),
        framed(4, body(THIRD, GOOD_THIRD)),
    ]
    return lambda: decoder_for(plan), lambda value: avro_model.read_framed(value, spec, schemas), good


def protobuf_case(spec: PipelineSpec) -> tuple[Make, Model, list[bytes]]:
    """What makes a decoder of Protobuf, the model of it, and good records with and without a frame."""
    plan = make_plan(replace(PIPELINE, format=protobuf(OrderMessage)), Path())
    good = [order(), framed_message(3, order()), order(amount=None, place=None)]
    return lambda: decoder_for(plan), lambda value: protobuf_model.read(value, spec, SHAPE, [1]), good


CASES = {"avro": avro_case, "protobuf": protobuf_case}


def batches(seed: str, good: list[bytes], count: int) -> Iterator[list[bytes]]:
    """`count` records, most of them mutated, in batches."""
    chance = random.Random(seed)
    for start in range(0, count, BATCH):
        yield [mutated(chance, chance.choice(good)) for _ in range(min(BATCH, count - start))]


def fuzz(name: str, seed: int, count: int) -> Outcome:
    """Decode and look up `count` records of a format.

    Each batch has a decoder of its own: a compiled reader would rest after a poll of mostly broken records.
    """
    make, model, good = CASES[name](adapter.to_spec(PIPELINE, Path()))
    outcome = Outcome()
    for values in batches(f"{seed}/{name}", good, count):
        array = pa.array(values, pa.binary())
        decoder = make()
        began = time.perf_counter()
        decoded = decoder.decode(array)
        outcome.seconds += time.perf_counter() - began
        outcome.records += len(values)
        rows = dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
        dead = dict(zip(decoded.dead_at.tolist(), decoded.refusals, strict=True))
        for at, value in enumerate(values):
            expected = model(value)
            if isinstance(expected, Dead):
                refusal = dead.get(at)
                found: Any = None if refusal is None else Dead(refusal.reason, refusal.field)
                outcome.classes[expected.reason] += 1
            else:
                found = rows.get(at)
                outcome.classes["event"] += 1
            if found != expected and len(outcome.problems) < _FEW:
                outcome.problems.append(f"{name} {value.hex()}: {rows.get(at) or dead.get(at)}, the model: {expected}")
    return outcome


def main() -> None:
    """Fuzz both formats, write bench/results/fuzz_formats.*; exit 1 when any record was judged otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="of each format")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    count = len(CASES)
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        found = pool.map(fuzz, CASES, [arguments.seed] * count, [arguments.records] * count)
        outcomes = dict(zip(CASES, found, strict=True))
    facts = {
        "records": f"{arguments.records:,} of each format, seed {arguments.seed}, in batches of {BATCH:,}",
        "read by": "the compiled readers of a run; records that they leave, by the row-by-row one",
        "looked up": "every record, reason, field and values, against the row-by-row model",
        "judged otherwise than it says": sum(len(each.problems) for each in outcomes.values()),
    }
    table = "| format | became | records |\n| --- | --- | ---: |\n"
    figures: dict[str, Any] = {"seed": arguments.seed}
    for name, each in outcomes.items():
        facts[f"decoding {name} alone"] = f"{each.records / each.seconds:,.0f} records/s, most of them broken"
        figures[name] = {"records": each.records, "classes": dict(each.classes), "problems": each.problems}
        table += "".join(f"| {name} | {what} | {number:,} |\n" for what, number in each.classes.most_common())
    write("fuzz_formats", "Mutated Avro and Protobuf records", facts, table, figures)
    problems = [problem for each in outcomes.values() for problem in each.problems]
    if problems:
        sys.exit("\n".join(["records are judged otherwise than the model says:", *problems]))


if __name__ == "__main__":
    main()
