"""Mutated JSON records of many shapes through the decoder of a run, each verdict and value against the contract.

python -m bench.fuzz_json --records 1000000 --seed 1
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from bench import hostile
from bench.decode_shapes import shapes
from bench.results import write
from dataflow.decode.json.contract import judge_record
from dataflow.decode.json.plain import json_decoder
from dataflow.event.schema import schema_of
from dataflow.messages import Refusal

BATCH = 1_000
_FEW = 10
_GOOD = 200
_BITS = [
    *(b'"', b"\\", b",", b":", b"{", b"}", b"[", b"]", b"null", b"true", b"0", b"-", b".", b"e", b"E+", b" ", b"\n"),
    *(b"\x00", b"\x1f", b"\x7f", b"\x80", b"\xc3\xa9", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\\ud800", b"\\udc00"),
    *(b"\\u0063", b"\\ud83d\\ude00", b"12345678901234567890", b".0000000", b'""', b'"ad_id":', b'"x":[1],', b"9"),
]


@dataclass(slots=True)
class Outcome:
    """What became of a shape's records; `problems`: the first that the contract judges otherwise."""

    records: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def mutated(chance: random.Random, good: list[bytes]) -> bytes:
    """One of the good records, changed in up to three places, or not at all."""
    record = bytearray(chance.choice(good))
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        at = chance.randrange(len(record) + 1)
        match chance.randrange(7):
            case 0:
                del record[at : at + chance.choice([1, 1, 2, 8, 40])]
            case 1:
                record[at:at] = chance.choice(_BITS)
            case 2:
                record[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                other = chance.choice(good)
                start = chance.randrange(len(other))
                record[at:at] = other[start : start + chance.randrange(1, 60)]
            case 4:
                record[at : at + chance.randrange(1, 12)] = chance.choice(hostile.VALUES)[:200]
            case 5:
                # a whole member more
                comma = record.find(b",", at)
                if comma >= 0:
                    key = chance.choice([b'"session"', b'"ad_id"', b'"\\u0061d_id"', b'"cost"', b'"os"', b'"at"'])
                    record[comma:comma] = b"," + key + b":" + chance.choice(hostile.VALUES)[:200]
            case _:
                # a whole value otherwise
                colon, comma = record.find(b":", at), record.find(b",", at)
                if 0 <= colon < comma:
                    record[colon + 1 : comma] = chance.choice(hostile.VALUES)[:200]
    return bytes(record)


def batches(seed: str, good: list[bytes], count: int) -> Iterator[list[bytes]]:
    """`count` records, most of them mutated, in batches."""
    chance = random.Random(seed)
    for start in range(0, count, BATCH):
        yield [mutated(chance, good) for _ in range(min(BATCH, count - start))]


def fuzz(name: str, seed: int, count: int) -> Outcome:
    """Decode and look up `count` records of a shape.

    Each batch has a decoder of its own: a compiled one would rest after a poll of mostly broken records.
    """
    model, good = shapes(_GOOD)[name]
    schema = schema_of(model)
    outcome = Outcome()
    for values in batches(f"{seed}/{name}", good, count):
        decoded = json_decoder(schema).decode(pa.array(values, pa.binary()))
        decoded.events.validate(full=True)
        rows = dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
        dead = dict(zip(decoded.dead_at.tolist(), decoded.refusals, strict=True))
        for at, value in enumerate(values):
            expected = judge_record(schema, value, None)
            found = dead.get(at, rows.get(at))
            outcome.classes[expected.reason if isinstance(expected, Refusal) else "event"] += 1
            # repr also tells 1 from 1.0 and -0.0 from 0.0
            if repr(found) != repr(expected) and len(outcome.problems) < _FEW:
                outcome.problems.append(f"{name} {value.hex()}: {found}, the contract: {expected}")
        outcome.records += len(values)
    return outcome


def main() -> None:
    """Fuzz all shapes, write bench/results/fuzz_json.*; exit 1 when any record was judged otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="of all shapes together")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    names = list(shapes(1))
    outcomes = {name: fuzz(name, arguments.seed, arguments.records // len(names)) for name in names}
    problems = [problem for each in outcomes.values() for problem in each.problems]
    facts = {
        "records": f"{sum(each.records for each in outcomes.values()):,}, seed {arguments.seed}, "
        f"in batches of {BATCH:,}",
        "read by": "the decoder of a run: its compiled pass, and what that leaves to the general decoder",
        "looked up": "every record, reason, words and values, against the contract",
        "judged otherwise than it says": len(problems),
    }
    table = "| shape | became | records |\n| --- | --- | ---: |\n"
    for name, each in outcomes.items():
        table += "".join(f"| {name} | {what} | {number:,} |\n" for what, number in each.classes.most_common())
    figures = {name: {"records": each.records, "classes": dict(each.classes)} for name, each in outcomes.items()}
    write("fuzz_json", "Mutated JSON records", facts, table, {"seed": arguments.seed, "problems": problems, **figures})
    if problems:
        sys.exit("\n".join(["records are judged otherwise than the contract says:", *problems]))


if __name__ == "__main__":
    main()
