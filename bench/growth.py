"""Rate from Kafka over the number of keys, partitions and rollups, and over the share of late events.

python -m bench.growth
"""

import argparse
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import duckdb

from bench.backfill_batch import query
from bench.engines_feed import USERS, record
from bench.measure import FEWEST_ROUNDS, BenchError, Sample, Summary, in_turns, summarise
from bench.names import HERE
from bench.one_run import Runs, fill, kafka_in
from bench.peers.truth import dump
from bench.results import write
from proof.parity.produce import fresh_name

START_MS, SPAN_MS, LATE_MS = 1_764_000_000_000, 600_000, 150_000
PLAIN = "bench/engines_pipeline.py:one"
CURVES: Mapping[str, tuple[int, ...]] = {
    "keys": (1_000, 10_000, 100_000, 1_000_000),
    "partitions": (1, 4, 16, 64),
    "rollups": (1, 2, 5, 10, 20),
    "late": (0, 1, 5, 20),
}
QUICK: Mapping[str, tuple[int, ...]] = {"keys": (100, 1_000), "partitions": (1, 4), "rollups": (1, 2), "late": (0, 5)}
AXES = {"keys": "keys", "partitions": "partitions", "rollups": "rollups", "late": "late events, %"}


@dataclass(frozen=True, slots=True)
class Point:
    """One place on a curve: its topic, the pipeline that reads it, and the rollup that has counted every event."""

    keys: int = 1_000
    partitions: int = 4
    rollups: int = 0
    late: int = 0

    @property
    def topic(self) -> str:
        """The end of its name: what does not differ is filled once."""
        return f"-{self.keys}-{self.partitions}-{self.late}"

    @property
    def pipeline(self) -> str:
        """The file and the name in it."""
        return f"bench/growth_pipeline.py:rollups_{self.rollups}" if self.rollups else PLAIN

    @property
    def ask(self) -> str:
        """How many events the first rollup has."""
        return f"SELECT sum(events)::BIGINT AS n FROM {'counted_0' if self.rollups else 'ads_1m'}"


def point(curve: str, at: int) -> Point:
    """Where only what the curve is about differs from the others."""
    return Point(**{curve: at})


def events(count: int, keys: int, late_percent: int) -> Iterator[bytes]:
    """`count` events over ten minutes in order, but for so many of a hundred, which come 150 s late."""
    chance = random.Random(0)
    for number in range(count):
        late_ms = LATE_MS if chance.random() * 100 < late_percent else 0
        at_ms = START_MS + number * SPAN_MS // count - late_ms
        yield record(number, at_ms, int(chance.random() * keys), int(chance.random() * USERS))


class Bench:
    """Topics filled once; each run must have counted what one DuckDB query over the topic counts by the exact rule."""

    def __init__(self, brokers: str, work: Path, count: int) -> None:
        self._brokers, self._work, self._count = brokers, work, count
        self._runs = Runs(brokers, work)
        self._right: dict[str, int] = {}
        self._prefix = fresh_name("growth")

    def fill(self, place: Point) -> None:
        """Make its topic, if it is not there, and find out the right number."""
        if place.topic in self._right:
            return
        fill(self._brokers, self._prefix + place.topic, events(self._count, place.keys, place.late), place.partitions)
        folder = self._work / "topic"
        dump(self._brokers, self._prefix + place.topic, folder)
        with duckdb.connect() as connection:
            row = connection.execute(f"SELECT sum(events) FROM ({query(sorted(folder.glob('*.ndjson')))})").fetchone()
        assert row is not None, "an aggregate has one row"
        self._right[place.topic] = int(row[0])
        shutil.rmtree(folder)

    def run(self, place: Point, _turn: int = 0) -> Sample:
        """One run."""
        ran = self._runs.tidemill(place.pipeline, self._prefix + place.topic, self._count, ask=place.ask)
        if (counted := ran.rows[0]["n"]) != self._right[place.topic]:
            raise BenchError(f"{place}: {counted:,} events were counted, not {self._right[place.topic]:,}")
        return ran.sample


def table(curve: str, rows: Sequence[tuple[int, Summary]]) -> str:
    """One line a point."""
    body = f"| {AXES[curve]} | events/s | min - max | while running | CPU s per million | peak MiB |\n"
    body += "| ---: | ---: | ---: | ---: | ---: | ---: |\n"
    for at, each in rows:
        steady = "" if each.steady_per_s is None else f"{each.steady_per_s:,.0f}"
        body += f"| {at:,} | {each.events_per_s:,.0f} | {each.events_per_s_min:,.0f} - {each.events_per_s_max:,.0f} "
        body += f"| {steady} | {each.cpu_s_per_million:.2f} | {each.peak_rss_mib:,.0f} |\n"
    return body


def main() -> None:
    """Measure and write bench/results/growth.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS)
    parser.add_argument("--quick", action="store_true", help="two points a curve")
    parser.add_argument("--brokers", help="a Kafka that runs; without it one is started")
    given = parser.parse_args()
    parts, figures = [], {}
    with tempfile.TemporaryDirectory(prefix="tidemill-growth-") as folder:
        work = Path(folder)
        with kafka_in(work, given.brokers) as brokers:
            bench = Bench(brokers, work, given.events)
            for curve, places in (QUICK if given.quick else CURVES).items():
                points = {at: point(curve, at) for at in places}
                for each in points.values():
                    bench.fill(each)
                runs = in_turns({f"{at} {curve}": partial(bench.run, p) for at, p in points.items()}, given.rounds)
                rows = [(at, summarise(HERE, samples)) for at, samples in zip(points, runs.values(), strict=True)]
                parts.append(f"## Over {AXES[curve]}\n\n{table(curve, rows)}")
                figures[curve] = [{"at": at, **asdict(each)} for at, each in rows]
    told = {
        "events": f"{given.events:,} JSON records of 132 bytes a topic over ten minutes, broker on the same machine",
        "else": "1,000 keys, 4 partitions, one rollup by ad and minute, none late; 5 s out of order, 1 minute late",
        "runs": f"{given.rounds} of each, the points of a curve in turns; medians; `tidemill run`, one worker",
        "answers": "each has counted what one DuckDB query over the topic counts by the exact rule for late events",
    }
    write("growth", "Growth", told, "\n".join(parts), figures)


if __name__ == "__main__":
    main()
