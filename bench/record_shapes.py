"""Rate from Kafka by the shape of a record: the same events plain, with unknown keys, UTF-8, escapes, ..., in turns.

python -m bench.record_shapes
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from bench.decode_shapes import Ad, shapes
from bench.measure import FEWEST_ROUNDS, BenchError, Sample, as_markdown, in_turns, summarise
from bench.one_run import Runs, fill, kafka_in
from bench.results import write
from proof.parity.produce import fresh_name

DISTINCT = 50_000
"""Records that differ; then they come again, a span of time below the allowed lateness."""
ASK = "SELECT coalesce(sum(n), 0)::BIGINT AS n FROM counted"
PLAIN = "plain"


def records(values: Sequence[bytes], count: int) -> Iterator[bytes]:
    """So many, the values again and again."""
    return islice(cycle(values), count)


def topic_of(shape: str) -> str:
    """The end of a topic's name."""
    return f"-{''.join(letter if letter.isalnum() else '-' for letter in shape)}"


class Bench:
    """A topic for each shape, each read by the pipeline of its model."""

    def __init__(self, brokers: str, work: Path, count: int, partitions: int) -> None:
        self._brokers, self._count, self._partitions = brokers, count, partitions
        self._runs = Runs(brokers, work)
        self._pipelines: dict[str, str] = {}
        self._prefix = fresh_name("shape")

    def fill(self) -> list[str]:
        """Make and fill the topics; the names of the shapes, plain first."""
        for name, (model, values) in shapes(min(DISTINCT, self._count)).items():
            self._pipelines[name] = f"bench/shapes_pipeline.py:{'ad' if model is Ad else 'visit'}"
            fill(self._brokers, self._prefix + topic_of(name), records(values, self._count), self._partitions)
        return sorted(self._pipelines, key=lambda name: name != PLAIN)

    def run(self, name: str, _turn: int = 0) -> Sample:
        """One run. Raises BenchError where not every record was counted."""
        ran = self._runs.tidemill(self._pipelines[name], self._prefix + topic_of(name), self._count, ask=ASK)
        counted = ran.rows[0]["n"]
        if counted != self._count:
            raise BenchError(f"{name}: {counted:,} of {self._count:,} records were counted")
        return ran.sample


def main() -> None:
    """Measure and write bench/results/record_shapes.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS)
    parser.add_argument("--brokers", help="a Kafka that runs; without it one is started")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidemill-shapes-") as folder:
        work = Path(folder)
        with kafka_in(work, given.brokers) as brokers:
            bench = Bench(brokers, work, given.events, given.partitions)
            contenders = {name: partial(bench.run, name) for name in bench.fill()}
            runs = in_turns(contenders, given.rounds)
    summaries = [summarise(name, samples) for name, samples in runs.items()]
    plain = summaries[0]
    told = {
        "events": f"{given.events:,} JSON records a topic, {given.partitions} partitions, broker on the same machine; "
        f"{DISTINCT:,} different ones, again and again",
        "runs": f"{given.rounds} of each, in turns; medians; each has counted every record",
        "rollups": "one, count and sum by key and minute; `tidemill run`, one worker",
    }
    for each in summaries[1:]:
        whole = each.events_per_s / plain.events_per_s
        running = each.steady_per_s / plain.steady_per_s if each.steady_per_s and plain.steady_per_s else None
        told[f"{each.name} against plain"] = (
            f"{whole:.2f}" if running is None else f"{running:.2f} while running, {whole:.2f} with start and end"
        )
    write("record_shapes", "Shapes of a record", told, as_markdown(summaries), [asdict(each) for each in summaries])


if __name__ == "__main__":
    main()
