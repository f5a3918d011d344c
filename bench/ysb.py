"""The Yahoo Streaming Benchmark's query from Kafka: views only, each ad's campaign, counts in windows of 10 s.

python -m bench.ysb
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from bench.commands import bare_consume
from bench.engines import Bench, engines
from bench.engines_flink import Asked
from bench.measure import FEWEST_ROUNDS, BenchError, Sample, as_markdown, in_turns, run_child, summarise
from bench.names import BARE, HERE
from bench.one_run import ROOT, Runs, fill, kafka_in
from bench.peers.compare import ratios
from bench.peers.truth import dump
from bench.results import write
from bench.ysb_feed import ADS, ADS_FILE, CAMPAIGNS, events

TOPIC = "ysb"
PIPELINE = "bench/engines_pipeline.py:ysb"
ASK = "SELECT campaign_id, epoch_ms(window_start) AS window_ms, views FROM views_10s WHERE views > 0 ORDER BY ALL"
JOBS = (Asked("upsert", 1), Asked("upsert", 2))
_COLUMNS = "{ad_id: 'VARCHAR', event_type: 'VARCHAR', event_time: 'BIGINT'}"

Rows = list[dict[str, Any]]


def truth(folder: Path) -> Rows:
    """The right rows over a topic that was dumped there; all events are in time."""
    sql = (
        "SELECT campaign_id, event_time // 10000 * 10000 AS window_ms, count(*) AS views\n"
        f"FROM read_json('{folder}/*.ndjson', format = 'newline_delimited', columns = {_COLUMNS})\n"
        f"JOIN read_csv('{ADS_FILE}', header = true) USING (ad_id)\n"
        "WHERE event_type = 'view' GROUP BY ALL ORDER BY ALL"
    )
    with duckdb.connect() as connection:
        rows = connection.execute(sql).fetchall()
    return [dict(zip(("campaign_id", "window_ms", "views"), row, strict=True)) for row in rows]


class Ysb:
    """The bare loop and Tidemill over one topic, whose rows must be the right ones."""

    def __init__(self, brokers: str, work: Path, records: int, right: Rows) -> None:
        self._brokers, self._work, self._records, self._right = brokers, work, records, right
        self._runs = Runs(brokers, work)

    def bare(self, _turn: int = 0) -> Sample:
        """Consume, touch each value, nothing else."""
        usage = run_child(bare_consume(self._brokers, TOPIC), log=self._work / "bare.log", cwd=ROOT)
        told = json.loads(usage.output)
        steady = self._records / told["seconds"]
        return Sample(self._records, usage.wall_s, usage.cpu_s, usage.peak_rss_bytes, steady)

    def tidemill(self, _turn: int = 0) -> Sample:
        """One run. Raises BenchError where its rows are not the right ones."""
        ran = self._runs.tidemill(PIPELINE, TOPIC, self._records, ask=ASK)
        if ran.rows != self._right:
            differing = [row for row in ran.rows if row not in self._right] or ran.rows[-1:]
            raise BenchError(
                f"{HERE}: its {len(ran.rows):,} rows are not the {len(self._right):,} right ones: {differing[:1]}\n"
                f"{ran.told}"
            )
        return ran.sample


def main() -> None:
    """Fill a topic, measure in turns, write bench/results/ysb.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=FEWEST_ROUNDS)
    parser.add_argument("--no-flink", action="store_true", help="without Flink beside it")
    given = parser.parse_args()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidemill-ysb-")))
        bench: Bench | None = None
        jobs: dict[str, Callable[[int], Sample]] = {}
        if given.no_flink:
            brokers = stack.enter_context(kafka_in(work, None))
        else:
            brokers, cluster = stack.enter_context(engines(work))
            bench = Bench(brokers, cluster, work, given.partitions)
            jobs = {asked.name: partial(_flink, bench, given.events, asked) for asked in JOBS}
        print(f"filling a topic with {given.events:,} events", file=sys.stderr)
        fill(brokers, TOPIC, events(given.events), given.partitions)
        dump(brokers, TOPIC, work / "topic")
        right = truth(work / "topic")
        if bench is not None:
            bench.agree(TOPIC, "the query", sum(row["views"] for row in right))
        ysb = Ysb(brokers, work, given.events, right)
        contenders: dict[str, Callable[[int], Sample]] = {BARE: ysb.bare, HERE: ysb.tidemill, **jobs}
        summaries = [summarise(name, runs) for name, runs in in_turns(contenders, given.rounds).items()]
    told = {
        "events": f"{given.events:,} JSON records of 250 bytes, a third of them views, {given.partitions} partitions",
        "query": f"views joined with the campaign of their ad ({CAMPAIGNS} campaigns of {ADS} ads, a dimension file), "
        "counted by campaign in windows of 10 s; 5 s out of order, 1 minute late",
        "runs": f"{given.rounds} of each, in turns; medians; Tidemill's rows and Flink's count are a DuckDB query's",
    }
    body = f"{as_markdown(summaries)}\n{ratios(summaries)}"
    write("ysb", "Yahoo Streaming Benchmark", told, body, [asdict(each) for each in summaries])


def _flink(bench: Bench, events_: int, asked: Asked, _turn: int) -> Sample:
    return bench.flink("ysb", TOPIC, events_, asked)


if __name__ == "__main__":
    main()
