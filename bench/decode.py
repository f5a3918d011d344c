"""CPU time per record of decoding JSON in the shapes that real topics have, in turns on one thread.

python -m bench.decode
"""

import argparse
import statistics
import time
from typing import Any

import pyarrow as pa

from bench.decode_shapes import shapes
from bench.measure import FEWEST_ROUNDS
from bench.results import write
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import json_decoder
from dataflow.event.schema import schema_of

RECORDS = 10_000


def measure(rounds: int, count: int) -> dict[str, dict[str, float]]:
    """By shape: nanoseconds of CPU per record compiled and not, bytes; medians of rounds in turns.

    Fails where the two decoders do not say the same.
    """
    contenders: dict[tuple[str, str], tuple[Any, pa.Array]] = {}
    found: dict[str, dict[str, float]] = {}
    for name, (model, records) in shapes(count).items():
        schema, values = schema_of(model), pa.array(records, pa.binary())
        compiled, general = json_decoder(schema), JsonDecoder(schema)
        for _ in range(2):
            assert compiled.decode(values).events.equals(general.decode(values).events), name
        contenders[name, "compiled_ns"] = compiled, values
        contenders[name, "general_ns"] = general, values
        found[name] = {"bytes": round(sum(map(len, records)) / count, 1)}
    taken: dict[tuple[str, str], list[float]] = {key: [] for key in contenders}
    for _ in range(rounds):
        for key, (decoder, values) in contenders.items():
            began = time.thread_time()
            decoder.decode(values)
            taken[key].append((time.thread_time() - began) / count * 1e9)
    for (name, how), times in taken.items():
        found[name][how] = round(statistics.median(times), 1)
    return found


def main() -> None:
    """Measure and write bench/results/decode.*."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2 * FEWEST_ROUNDS + 1)
    parser.add_argument("--records", type=int, default=RECORDS)
    arguments = parser.parse_args()
    found = measure(arguments.rounds, arguments.records)
    facts = {
        "records": f"{arguments.records:,} of each shape, one poll",
        "measured": f"CPU time of decoding alone, medians of {arguments.rounds} rounds in turns in one process",
        "checked": "each shape's events are equal to the general decoder's",
        "rate": "that of the plain record's over its own, both compiled",
    }
    table = "| shape | bytes | compiled, ns | general, ns | rate |\n| --- | ---: | ---: | ---: | ---: |\n"
    plain_ns = found["plain"]["compiled_ns"]
    for name, each in found.items():
        compiled_ns = each["compiled_ns"]
        table += f"| {name} | {each['bytes']} | {compiled_ns:.0f} | {each['general_ns']:.0f} "
        table += f"| {plain_ns / compiled_ns:.2f} |\n"
    write("decode", "Decoding of JSON by shape", facts, table, found)


if __name__ == "__main__":
    main()
