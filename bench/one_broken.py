"""One broken record among 10,000 good ones in a poll, at every position: does it cost exactly itself?

python -m bench.one_broken
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from bench.results import write
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.decode.decoder import decoder_for
from dataflow.decode.json.contract import judge_record
from dataflow.intake.judge import Judge
from dataflow.messages import POLL_SCHEMA, Poll
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble

POLL_RECORDS = 10_000
BROKEN: Sequence[bytes | None] = (
    b'{"v":', b"", None, b'{"v":"7"}', b'{"v":1,"x":"\xff"}', b'{"v":1,"x":' + b"[" * 64 + b"]" * 64 + b"}",
    b'{"v":1}\n{"v":2}', b"}", b'{"v":null}', b"[1]", b'{"v":' + b"9" * 400 + b"}", b'{"v":1,"x":"\xed\xa0\x80"}',
)  # fmt: skip
"""One of each kind: cut off, empty, tombstone, wrong type, no UTF-8 in a field that nobody reads, too deep, two in one,
not JSON, null, no object, out of range, a lone surrogate."""


class Small(BaseModel):
    """The smallest event, so that positions and not fields are what takes time."""

    v: EventTime


class Positions:
    """Decoder and judge of one source partition, asked about polls in which one record is broken."""

    def __init__(self, poll_records: int = POLL_RECORDS) -> None:
        """Polls of `poll_records` records, the broken one included."""
        rollup = Rollup("each", keys=[], window=tumble("1m"), aggregates={"events": agg.count()})
        self._plan = make_plan(Pipeline(name="p", event=Small, rollups=[rollup]), Path())
        self._decoder = decoder_for(self._plan, compiled=False)
        self._times = np.arange(poll_records, dtype=np.int64)
        self._good = pa.array([b'{"v":%d}' % at for at in range(poll_records)], pa.binary())

    def mistake(self, broken: bytes | None, at: int) -> str | None:
        """Put `broken` in place of the record at `at`; says what else it cost, or None."""
        values = pa.concat_arrays([self._good[:at], pa.array([broken], pa.binary()), self._good[at + 1 :]])
        records = pa.RecordBatch.from_arrays([pa.array(self._times), pa.array(self._times), values], POLL_SCHEMA.names)
        poll = Poll(records.cast(POLL_SCHEMA), 0, len(values))
        judged = Judge(self._plan, "p", None).judge(poll, self._decoder.decode(values))
        dead = [] if judged.dead is None else judged.dead.to_pylist()
        refusal = judge_record(self._plan.event, broken, None)
        expected = np.delete(self._times, at)
        if [(letter["offset"], letter["value"]) for letter in dead] != [(at, broken)]:
            return f"{broken!r} at {at}: dead letters {dead[:3]}"
        if (dead[0]["reason"], dead[0]["field"]) != (refusal.reason, refusal.field):  # type: ignore[union-attr]  # what is broken is refused
            return f"{broken!r} at {at}: {dead[0]}, but the contract says {refusal}"
        if judged.rows is None or judged.read != len(values) or judged.duplicate:
            return f"{broken!r} at {at}: {judged}"
        for column in ("v", "offset", "record_timestamp"):
            if not np.array_equal(judged.rows.column(column).to_numpy(), expected):
                return f"{broken!r} at {at}: column {column} is not that of the good records"
        return None

    def mistakes(self, positions: Iterable[int], first_kind: int = 0) -> list[str]:
        """One poll per position, the kinds of breakage in turns; what was wrong."""
        found = (self.mistake(BROKEN[(at + first_kind) % len(BROKEN)], at) for at in positions)
        return [mistake for mistake in found if mistake is not None]


def main() -> None:
    """Every position, write bench/results/one_broken.*; exit 1 when a broken record cost anything else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=POLL_RECORDS, help="records of a poll")
    parser.add_argument("--rounds", type=int, default=1, help="up to 12: each position with so many kinds of breakage")
    arguments = parser.parse_args()
    began = time.monotonic()
    positions = Positions(arguments.records)
    mistakes = [each for kind in range(arguments.rounds) for each in positions.mistakes(range(arguments.records), kind)]
    polls = arguments.records * arguments.rounds
    facts = {
        "polls": f"{polls:,} of {arguments.records:,} records, one of them broken: every position, "
        f"{arguments.rounds} of {len(BROKEN)} kinds at each",
        "records read": f"{polls * arguments.records:,} in {time.monotonic() - began:.0f} s",
        "polls in which it cost more or less than itself": len(mistakes),
    }
    write(
        "one_broken",
        "One broken record in a poll",
        facts,
        "\n".join(mistakes[:20]),
        {"polls": polls, "mistakes": len(mistakes)},
    )
    if mistakes:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
