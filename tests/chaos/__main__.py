"""Play the fault matrix: python -m tests.chaos [--kills 300] [--seed N] [--only NAME ... | --go-on] [--bounded]."""

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.kafka_server import KafkaCluster
from tests.chaos import report
from tests.chaos.matrix import SCENARIOS, Outcome, Scenario, play, shared_cluster


def play_all(
    scenarios: list[Scenario],
    folder: Path,
    *,
    seed: int,
    kills: int | None,
    jobs: int,
    loud: bool = True,
    ended: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Play the scenarios, `jobs` at a time; those that interrupt the shared broker come last and alone.

    `ended` is told each outcome as soon as there is one, never two at a time.
    """
    said = threading.Lock()

    def one(scenario: Scenario, cluster: KafkaCluster) -> Outcome:
        outcome = play(scenario, cluster, folder, seed=seed, kills=kills)
        with said:
            ended(outcome)
            if loud:
                verdict = outcome.left_out or f"{len(outcome.anomalies)} anomalies"
                took = f"{outcome.killed} kills, {outcome.seconds:.0f} s"
                print(f"{scenario.name:16} {took:>16}  {verdict}", file=sys.stderr, flush=True)
                for anomaly in outcome.anomalies[:5]:
                    print(f"    {anomaly.name}: {anomaly.detail}", file=sys.stderr, flush=True)
        return outcome

    with shared_cluster(folder) as cluster:
        alone = [scenario for scenario in scenarios if scenario.cluster]
        together = [scenario for scenario in scenarios if not scenario.cluster]
        with ThreadPoolExecutor(jobs) as pool:
            found = dict(zip(together, pool.map(lambda each: one(each, cluster), together), strict=True))
        found |= {scenario: one(scenario, cluster) for scenario in alone}
    return [found[scenario] for scenario in scenarios]


def main() -> int:
    """Exit code 1 when anything was found, or too few kills were made."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Play the fault matrix on real Kafka.")
    parser.add_argument("--kills", type=int, default=300, help="kills -9 of Tidemill in all (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="workload and moments (default 1)")
    parser.add_argument("--only", nargs="*", help="scenarios to play again; the rest as last time", metavar="NAME")
    parser.add_argument("--go-on", action="store_true", help="the scenarios that a run lacks which was broken off")
    parser.add_argument("--bounded", action="store_true", help="each scenario once, with few kills")
    parser.add_argument("--jobs", type=int, default=2, help="scenarios at a time (default 2)")
    parser.add_argument("--folder", type=Path, help="where to work; kept when something was found")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    arguments = parser.parse_args()
    known = {scenario.name for scenario in SCENARIOS}
    unknown = sorted(set(arguments.only or []) - known)
    if unknown:
        parser.error(f"no scenario {unknown[0]}; there are: {', '.join(sorted(known))}")
    # the others stay as the last run left them
    kept = report.last_run() if arguments.only or arguments.go_on else []
    there = {outcome.scenario.name for outcome in kept} if arguments.go_on else set()
    only = arguments.only or sorted(known - there)
    chosen = [scenario for scenario in SCENARIOS if scenario.name in only]
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="tidemill-chaos-"))
    kills = None if arguments.bounded else arguments.kills

    def keep(outcome: Outcome) -> None:
        kept[:] = report.merged(kept, outcome)
        report.write_run(kept, arguments.seed)

    play_all(chosen, folder, seed=arguments.seed, kills=kills, jobs=arguments.jobs, ended=keep)
    outcomes = kept
    print(report.table(outcomes))
    print(report.summary(outcomes, arguments.seed))
    print(f"the run as JSON: {report.write_run(outcomes, arguments.seed)}", file=sys.stderr)
    if arguments.write:
        report.write_page(outcomes, arguments.seed)
    killed = sum(outcome.killed for outcome in outcomes)
    if any(outcome.anomalies for outcome in outcomes):
        print(f"anomalies were found; what they left is in {folder}", file=sys.stderr)
        return 1
    if kills is not None and not arguments.only and killed < kills:
        print(f"only {killed} of {kills} kills were made", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
