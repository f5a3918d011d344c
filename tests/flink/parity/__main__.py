"""Play the matrix of parity: python -m tests.flink.parity [--only NAME ...] [--records N] [--seed N] [--write]."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from deploy.kafka_server import KafkaCluster
from flink.cluster.cluster import FlinkCluster, new_shape
from proof.parity.records import Kafka
from tests.flink.parity.matrix import MATRIX, Outcome, play, table, troubles

RESULTS = Path(__file__).parents[3] / "bench" / "results"


def main() -> int:
    """Exit code 1 when a case was not equal."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.flink.parity", description="Flink, Spark, Tidemill and DuckDB."
    )
    parser.add_argument("--only", nargs="*", help="cases by a part of their names", metavar="NAME")
    parser.add_argument("--records", type=int, default=50_000, help="of each case (default 50,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up records (default 1)")
    parser.add_argument("--write", action="store_true", help="put the table into bench/results/parity.md")
    arguments = parser.parse_args()
    chosen = [case for case in MATRIX if not arguments.only or any(part in case.name for part in arguments.only)]
    if not chosen:
        parser.error(f"no such case; there are: {', '.join(case.name for case in MATRIX)}")
    folder = Path(tempfile.mkdtemp(prefix="tidemill-parity-"))
    broker = KafkaCluster(folder / "kafka", heap="512m", light=True)
    cluster = FlinkCluster(folder / "flink", new_shape(light=True))
    outcomes: list[Outcome] = []
    try:
        broker.start()
        cluster.start()
        kafka = Kafka(broker.bootstrap, {})
        for case in chosen:
            outcome = play(case, kafka, cluster, seed=arguments.seed, records=arguments.records)
            outcomes.append(outcome)
            print(table([outcome]).splitlines()[-1], file=sys.stderr, flush=True)
            for line in troubles(outcome):
                print(line, file=sys.stderr, flush=True)
    finally:
        cluster.stop()
        broker.stop()
    said = table(outcomes)
    print(said)
    if arguments.write and not arguments.only:
        text = (
            f"# Parity\n\nMade by `make parity` with seed {arguments.seed}: every table of each pair of sides, joined "
            f"row by row. Rows are those of all pairs together.\n\n{said}\n"
        )
        (RESULTS / "parity.md").write_text(text)
        runs = [{"case": each.case.name, "verdict": each.verdict and each.verdict.as_json()} for each in outcomes]
        (RESULTS / "parity.json").write_text(json.dumps(runs, indent=1) + "\n")
    return 0 if all(outcome.is_equal for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
