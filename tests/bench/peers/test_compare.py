"""Tidemill and a plain Bytewax flow give the same right rows over one topic; who is not there is told."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.commands import create_topic
from bench.measure import BenchError, Summary, run_child
from bench.names import BARE, BYTEWAX, DUCKDB, HERE
from bench.peers.compare import Bench, chosen_peers, contenders, facts, ratios, told_by
from bench.peers.known import PEERS, ROOT
from bench.peers.truth import Truth, dump

COUNT = 3_000


@pytest.mark.kafka
def test_all_that_is_at_hand_agree_with_the_truth(kafka: str, tmp_path: Path) -> None:
    create_topic(kafka, "peers", partitions=1)
    feed = [sys.executable, "-m", "bench.peers.feed", "--brokers", kafka, "--topic", "peers", "--keys", "20"]
    run_child([*feed, "--count", str(COUNT)], log=tmp_path / "feed.log", cwd=ROOT)
    assert dump(kafka, "peers", tmp_path / "topic") == COUNT
    with Truth(tmp_path / "topic") as truth:
        bench = Bench(kafka, "peers", COUNT, tmp_path, truth)
        runs = {name: run(0) for name, run in contenders(bench, PEERS[:1]).items()}
    assert list(runs) == [BARE, HERE, DUCKDB, BYTEWAX]
    assert {sample.events for sample in runs.values()} == {COUNT}
    assert runs[BYTEWAX].steady_per_s is not None


def test_what_a_program_tells_is_its_last_line() -> None:
    told = '{"records": 5, "steady_records": 4, "steady_s": 0.5, "version": "1"}'
    assert told_by(f"something else\n{told}\n")["steady_records"] == 4
    for output in ("", "nothing of it", '{"records": 5}', "7"):
        with pytest.raises(BenchError, match="did not say at its end what it has read"):
            told_by(output)


def test_engines_are_chosen_by_their_library() -> None:
    assert chosen_peers([]) == list(PEERS)
    assert [peer.name for peer in chosen_peers(["bytewax"])] == [BYTEWAX]
    with pytest.raises(BenchError, match="no engine is called flink; choose of bytewax, quixstreams"):
        chosen_peers(["flink"])


def test_an_engine_that_is_not_there_is_told_with_the_way_to_get_it() -> None:
    absent = replace(PEERS[1], environment=".venv-peer-none")
    told = facts(10, 2, 1, 5, [PEERS[0], absent])
    assert told[f"plain Bytewax {PEERS[0].version()}"].startswith("its Kafka source")
    assert told["Quix Streams"] == "not measured: its environment is not here (`sh deploy/bootstrap.sh peer none`)"


def test_ratios_are_ours_over_the_others() -> None:
    rows = [Summary(BARE, 5, 9, 4.0, 4.0, 4.0, 8.0, 1.0, 9.0), Summary(HERE, 5, 9, 2.0, 2.0, 2.0, 16.0, 2.0, 9.0)]
    assert ratios(rows) == (
        f"- {HERE} over {BARE}: 0.50 times, start and end included, 2.00 times while running; "
        "0.50 times less CPU time per event\n"
    )
