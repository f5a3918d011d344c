"""Rows a second of the fold on one core, and what the memory of ids takes: batches of 10,000 rows, in turns.

python -m bench.fold
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from bench.engines_pipeline import one
from bench.measure import FEWEST_ROUNDS
from bench.results import write
from dataflow.fold.fold import Fold
from dataflow.intake.remembered import DedupMemory
from dataflow.messages import NEVER_MS, Judged
from dataflow.own_columns import WATERMARK
from dataflow.pipeline.plan import make_plan

ROWS = 10_000
BATCHES = 50
KEYS = (1_000, 1_000_000)
IDS = 10_000_000
ID_BATCH = 20_000
NOON_MS = 1_772_366_400_000


def batches(keys: int, count: int) -> list[Judged]:
    """Judged rows of random keys, in one window of a minute."""
    plan = make_plan(one, ".")
    rng = np.random.default_rng(keys)
    numbers = [pa.field(name, pa.int64()) for name in ("offset", "record_timestamp", WATERMARK)]
    schema = pa.schema([*plan.event.arrow, *numbers])
    names = pa.array([f"ad-{number:07d}" for number in range(keys)])
    made = []
    for number in range(count):
        given: dict[str, Any] = {
            "ad_id": names.take(pa.array(rng.integers(0, keys, ROWS))),
            plan.event.event_time.name: pa.array(NOON_MS + rng.integers(0, 60_000, ROWS)),
            "offset": pa.array(np.arange(number * ROWS, (number + 1) * ROWS)),
            "record_timestamp": pa.nulls(ROWS, pa.int64()),
            WATERMARK: pa.array(np.full(ROWS, NEVER_MS)),
        }
        columns = [given.get(field.name, _filled(field.type)) for field in schema]
        rows = pa.RecordBatch.from_arrays([c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
        made.append(Judged("t/0", "t", number * ROWS, (number + 1) * ROWS, read=ROWS, rows=rows))
    return made


def _filled(type_: pa.DataType) -> pa.Array:
    value: Any = "x" if pa.types.is_string(type_) else Decimal(1) if pa.types.is_decimal(type_) else 1
    return pa.array([value], type_).take(pa.array(np.zeros(ROWS, np.int64)))


def fold_rates(rounds: int, count: int, keys: Sequence[int] = KEYS) -> dict[int, float]:
    """Rows a second of CPU time of this thread, by the number of keys; medians of rounds in turns."""
    fold = Fold(make_plan(one, "."), events=False)
    given = {each: batches(each, count) for each in keys}
    taken: dict[int, list[float]] = {each: [] for each in keys}
    for turn in range(rounds + 1):
        for each, judged in given.items():
            began = time.thread_time()
            for batch in judged:
                fold.fold(batch)
            if turn:  # the first one compiles
                taken[each].append(time.thread_time() - began)
    return {each: count * ROWS / statistics.median(times) for each, times in taken.items()}


def id_memory(ids: int) -> dict[str, float]:
    """MB that so many remembered ids take, and nanoseconds of CPU to judge one while there are that many."""
    rng = np.random.default_rng(1)
    memory = DedupMemory(3_600_000)
    took = 0.0
    for start in range(0, ids, ID_BATCH):
        lanes = rng.integers(0, 2**64, (2, ID_BATCH), np.uint64)
        times = np.full(ID_BATCH, NOON_MS + start // ID_BATCH, np.int64)
        began = time.thread_time()
        memory.judge(lanes[0], lanes[1], times, np.full(ID_BATCH, NOON_MS - 5_000, np.int64))
        took += time.thread_time() - began
    return {"mb": memory.nbytes / 1e6, "ns": took / ids * 1e9}


def main() -> None:
    """Measure and write bench/results/fold.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2 * FEWEST_ROUNDS + 1)
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--ids", type=int, default=IDS)
    given = parser.parse_args()
    rates, held = fold_rates(given.rounds, given.batches), id_memory(given.ids)
    facts = {
        "rollup": "bench/engines_pipeline.py:one, count and exact sum by a text key and minute",
        "rows": f"{given.batches} batches of {ROWS:,}, keys at random; ledger line and checksum included",
        "measured": f"CPU time of one thread, medians of {given.rounds} rounds in turns in one process",
        "ids": f"{given.ids:,} ids, all different, judged in batches of {ID_BATCH:,}; the mean over all",
    }
    body = "| keys | million rows a second | ns a row |\n| ---: | ---: | ---: |\n"
    body += "".join(f"| {keys:,} | {rate / 1e6:.1f} | {1e9 / rate:.0f} |\n" for keys, rate in rates.items())
    body += "\n| ids | MB | ns an id |\n| ---: | ---: | ---: |\n"
    body += f"| {given.ids:,} | {held['mb']:.0f} | {held['ns']:.0f} |\n"
    figures = {"rows_per_s": {str(keys): round(rate) for keys, rate in rates.items()}, "ids": held}
    write("fold", "Fold, and memory of ids", facts, body, figures)


if __name__ == "__main__":
    main()
