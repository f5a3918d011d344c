"""Latency from a record's arrival in Kafka to its alert: told early and with the commit, beside Flink SQL and Quix.

python -m bench.early_alerts [--rate 20000] [--seconds 60] [--epochs-ms 250 1000] [--no-flink] [--no-quix]
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from bench.alert_peers import QUIX_PEER, Running, flink_job, quix_program
from bench.alert_watch import (
    Arrivals,
    LakeWatch,
    Listener,
    Moments,
    Told,
    latencies_ms,
    quantiles,
    read_all,
    records_in,
)
from bench.commands import create_topic, produce, run
from bench.early_alerts_pipeline import ALERTS, EARLY
from bench.measure import BenchError, run_child
from bench.names import FLINK_ALERTS, QUIX, alerts_at_consumer, committed_alerts, early_alerts
from bench.results import write
from bench.shown import show
from deploy.kafka_server import KafkaCluster

ROOT = Path(__file__).resolve().parent.parent
PIPELINE = ROOT / "bench" / "early_alerts_pipeline.py"
TOPIC = "bench"
WARM_UP_S = 10.0
"""Compilers of every kind are at work until then."""
PATIENCE_S = 90.0
QUIET_S = 5.0
COLUMNS = ("p50", "p90", "p99", "max")

Line = dict[str, float]
"""Quantiles in ms, and how many of how many `events` had an alert."""
Peer = Callable[[str, str, str, Path], AbstractContextManager[Running]]


class Load:
    """A broker of its own with the topic of events; `play` writes them at a rate, and gives their arrivals."""

    def __init__(self, brokers: str, work: Path, rate: int, seconds: int, partitions: int) -> None:
        self.brokers, self.work = brokers, work
        self._rate, self._count = rate, rate * seconds
        # one clock for both ends, that of the broker
        create_topic(brokers, TOPIC, partitions=partitions, timestamps="LogAppendTime")

    def topic_of_alerts(self, name: str) -> None:
        """Make it: its records are stamped when the broker gets them."""
        create_topic(self.brokers, name, partitions=1, timestamps="LogAppendTime")

    def play(self, alerts: str, is_alive: Callable[[], bool]) -> Arrivals:
        """Returns once no more alerts come. Raises BenchError where the run has ended before."""
        run_child(
            produce(self.brokers, TOPIC, count=self._count, rate=self._rate), log=self.work / "produce.log", cwd=ROOT
        )
        known, since_s = -1, time.monotonic()
        while time.monotonic() < since_s + QUIET_S:
            if not is_alive():
                raise BenchError("what is measured has ended")
            if (now := records_in(self.brokers, alerts)) != known:
                known, since_s = now, time.monotonic()
            time.sleep(0.5)
        arrivals = Arrivals()
        read_all(self.brokers, TOPIC, arrivals.see)
        return arrivals

    def told(self, topic: str) -> Told:
        """What a topic of alerts has, by the broker's stamps."""
        found = Told()
        read_all(self.brokers, topic, found.see)
        return found


def line(arrivals: Arrivals, seen: Moments, warm_up_s: float = WARM_UP_S) -> Line:
    """One line of the table."""
    found: Line = dict(quantiles(latencies_ms(arrivals.at_ms, seen, warm_up_s)))
    return {**found, "alerts": len(seen.keys() & arrivals.at_ms.keys()), "events": len(arrivals.at_ms)}


def of_tidemill(load: Load, epoch_ms: int) -> dict[str, Line]:
    """One run with epochs of that length."""
    for topic in (ALERTS, EARLY):
        load.topic_of_alerts(topic)
    lake, listener = LakeWatch(load.work / "lake"), Listener(load.brokers, ALERTS)
    command = [*run(load.brokers, TOPIC, load.work, bounded=False), "--epoch-ms", str(epoch_ms)]
    with (load.work / "run.log").open("wb") as log:
        child = subprocess.Popen(
            [*command, "--pipeline", str(PIPELINE)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT
        )
        lake.start()
        listener.start()
        try:
            _await_lake(load.work / "lake", child)
            arrivals = load.play(ALERTS, lambda: child.poll() is None)
        except BenchError as error:
            tail = (load.work / "run.log").read_text(errors="replace")[-2000:]
            raise BenchError(f"{error}; the run said:\n{tail}") from None
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait()
            lake.stop()
            listener.stop()
    return {
        early_alerts(epoch_ms): line(arrivals, load.told(EARLY).at_ms),
        committed_alerts(epoch_ms): line(arrivals, lake.moments(arrivals.places)),
        alerts_at_consumer(epoch_ms): line(arrivals, listener.told.at_ms),
    }


def of_peer(load: Load, start: Peer, versions: dict[str, str], name: str) -> dict[str, Line]:
    """Another engine with the same two thresholds."""
    load.topic_of_alerts(ALERTS)
    with start(load.brokers, TOPIC, ALERTS, load.work / "peer") as running:
        versions[name] = running.version
        arrivals = load.play(ALERTS, running.is_alive)
    return {name: line(arrivals, load.told(ALERTS).at_ms)}


def _await_lake(lake: Path, child: "subprocess.Popen[bytes]") -> None:
    """Until the run is ready to read: what came before would have to be caught up with."""
    deadline = time.monotonic() + PATIENCE_S
    while not any(lake.rglob("*.parquet")) and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


def as_markdown(figures: Mapping[str, Line]) -> str:
    """A line for each way in which alerts were told."""
    lines = [f"| alerts | {' | '.join(f'{each} ms' for each in COLUMNS)} |", "| --- |" + " ---: |" * len(COLUMNS)]
    for name, found in figures.items():
        lines.append(f"| {name} | {' | '.join(f'{found[each]:,.1f}' for each in COLUMNS)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everyone in turns and write bench/results/early_alerts.*."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=20_000, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--epochs-ms", type=int, nargs="*", default=[250, 1000], help="one run for each")
    parser.add_argument("--no-flink", action="store_true")
    parser.add_argument("--no-quix", action="store_true")
    given = parser.parse_args()
    if not given.no_quix and not QUIX_PEER.is_here:
        raise SystemExit(f"{QUIX} is not here: `{QUIX_PEER.how_to_get}` brings it, --no-quix leaves it out")
    versions: dict[str, str] = {}
    turns: list[Callable[[Load], dict[str, Line]]] = [
        partial(of_tidemill, epoch_ms=epoch_ms) for epoch_ms in given.epochs_ms
    ]
    for name, start, left_out in ((FLINK_ALERTS, flink_job, given.no_flink), (QUIX, quix_program, given.no_quix)):
        if not left_out:
            turns.append(partial(of_peer, start=start, versions=versions, name=name))
    figures: dict[str, Line] = {}
    with tempfile.TemporaryDirectory(prefix="tidemill-bench-") as folder:
        for number, measure in enumerate(turns):
            work = Path(folder) / str(number)
            work.mkdir()
            kafka = KafkaCluster(work / "kafka")
            kafka.start()
            try:
                figures |= measure(Load(kafka.bootstrap, work, given.rate, given.seconds, given.partitions))
            finally:
                kafka.stop()
            print(as_markdown(figures), file=sys.stderr)
    write("early_alerts", "Latency from Kafka to an alert", facts(given, versions), as_markdown(figures), figures)
    show("rules.md", "early_alerts", as_markdown(figures))


def facts(given: argparse.Namespace, versions: Mapping[str, str]) -> dict[str, object]:
    """What was measured, and how."""
    return {
        "load": f"{given.rate:,} events/s, {given.seconds} s, {given.partitions} partitions, one machine; the first "
        f"{WARM_UP_S:g} s do not count",
        "rules": "an event with an id that ends with 00, in windows of 10 s; an ad with more than 20 clicks a minute",
        "Tidemill": "bench/early_alerts_pipeline.py: the two rules alone, and all of it committed, exactly once",
        "measured": "from the broker's stamp of a record until that of the first alert for it; until its commit is "
        "seen in the lake's catalog; until a consumer of committed records has the change",
        **{name: f"{version}, {_HOW[name]}" for name, version in versions.items()},
    }


_HOW = {
    FLINK_ALERTS: "the two rules alone, one slot, JSON to upsert-kafka at least once, each record sent by itself: no "
    "mini-batch, buffer timeout 0, linger 0; checkpoints every second",
    QUIX: "the two rules alone, one process, at least once, state in RocksDB, repartitioned by key, linger 0",
}


if __name__ == "__main__":
    main()
