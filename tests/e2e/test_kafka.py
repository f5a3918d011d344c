"""The main job on a real Kafka. E2E_RECORDS sets how many records (default 40,000; 5,000,000 takes some minutes)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from query.definition import lake_definition
from query.reader import LakeReader
from query.reports import Shelf, ask, reports_folder
from tests.chaos import checkers
from tests.chaos.stage import ADS, Stage
from tests.chaos.subject import ROOT, TIDEMILL, Subject
from tests.e2e.recount import AdsRecount, recount
from tests.kafka_fixture import fresh_topic
from tests.slowness import slowness

RECORDS = int(os.environ.get("E2E_RECORDS", "40000"))

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600 + RECORDS // 1000)]


def fill(kafka: str, *extra: str) -> str:
    """A topic of 4 partitions with the ad stream of some hours."""
    topic = fresh_topic(kafka, 4)
    command = [*TIDEMILL, "produce", "--brokers", kafka, "--topic", topic, "--count", str(RECORDS), "--seed", "11"]
    # event time runs fast, so that windows close, hours pass and ids are forgotten
    speed = ["--start-time", "2026-03-01T21:00:00Z", "--speed", str(10_000 * 7200 / RECORDS), "--rate", "0"]
    done = subprocess.run([*command, *speed, *extra], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return topic


@pytest.fixture(scope="module")
def topic(kafka: str) -> str:
    return fill(kafka)


@pytest.fixture(scope="module")
def counted(kafka: str, topic: str) -> AdsRecount:
    return recount(kafka, topic, ADS)


@pytest.fixture
def stage_of(kafka: str, tmp_path: Path) -> Iterator[Callable[[str], Stage]]:
    stages: list[Stage] = []

    def make(topic: str) -> Stage:
        stage = Stage(tmp_path / f"stage-{len(stages)}", kafka, seed=3, kills=5, full=False)
        stage.topic_name = topic
        stages.append(stage)
        return stage

    yield make
    for stage in stages:
        stage.close()


def assert_reports(lake: Path, counted: AdsRecount) -> None:
    """Reports and ledger say what the recount says."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        shelf = Shelf(reports_folder(str(ADS)), lake_definition(reader))

        def asked(name: str, limit: int | None = 10_000, **given: object) -> pa.Table:
            return ask(snapshot, shelf.find(name), given, now, at="latest", limit=limit).table

        for minutes in (5, 60, 100_000):
            table = asked("clicks_per_ad", minutes=minutes)
            assert [tuple(row.values()) for row in table.to_pylist()] == counted.clicks_per_ad(minutes)
        table = asked("top_campaigns").drop_columns("click_percent")
        campaigns = [tuple(row.values()) for row in table.to_pylist()]
        assert sorted(campaigns, key=str) == sorted(counted.top_campaigns(), key=str)
        table = asked("revenue_per_hour", limit=None, hours=10_000)
        hours = [(row["hour"].replace(tzinfo=UTC).timestamp() * 1000, row["revenue"], row["events"], row["is_final"])
                 for row in table.to_pylist()]  # fmt: skip
        assert hours == [(*row, True) for row in counted.revenue_per_hour()]
        sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in ("read", "accepted", "duplicate", "late", "dead"))
        rows = snapshot.query(f"SELECT partition, {sums} FROM ledger GROUP BY partition").to_pylist()
    ledger = {row.pop("partition"): row for row in rows}
    assert ledger == {name: {key: counts[key] for key in ledger[name]} for name, counts in counted.counts.items()}


def finish(stage: Stage) -> None:
    """Read the rest, which is all that there ever will be; no reader saw anything odd."""
    stage.expect_end(stage.start("--bounded", "--final", parallel=("2", "1")), 0)
    for seen in stage.observations():
        stage.anomalies += checkers.check_monotonic(seen)
        assert seen
    assert not stage.anomalies


def test_reports_and_ledger_equal_a_recount(
    kafka: str, topic: str, counted: AdsRecount, stage_of: Callable[[str], Stage]
) -> None:
    assert sum(counts["read"] for counts in counted.counts.values()) == RECORDS
    assert all(counts["duplicate"] and counts["dead"] for counts in counted.counts.values())
    stage = stage_of(topic)
    finish(stage)
    assert_reports(stage.lake, counted)


def kill_five_times(stage: Stage) -> None:
    """Slow enough that each life leaves some of the backlog to the next."""
    slow = ("--batch-records", str(max(50, RECORDS // 400)), "--max-epoch-bytes", str(max(65_536, RECORDS)))
    with stage.reading():
        for turn in range(5):
            subject = stage.start(*slow, parallel=(("2", "1"), ("1", "2"), ("4", "1"))[turn % 3])
            stage.await_progress(subject, 1 + turn % 3)
            stage.kill(subject, "kill -9")
        subject = stage.start("--bounded", *slow, parallel=("2", "1"))
        stage.expect_end(subject, 0)


def test_five_kills_change_nothing_and_no_total_goes_down(
    topic: str, counted: AdsRecount, stage_of: Callable[[str], Stage]
) -> None:
    stage = stage_of(topic)
    kill_five_times(stage)
    finish(stage)
    assert stage.killed == 5
    assert_reports(stage.lake, counted)


def test_aborted_transactions_leave_no_trace(kafka: str, stage_of: Callable[[str], Stage]) -> None:
    topic = fill(kafka, "--transactional", "--abort-every", "3")
    counted = recount(kafka, topic, ADS)
    assert sum(counts["read"] for counts in counted.counts.values()) == RECORDS
    stage = stage_of(topic)
    kill_five_times(stage)
    finish(stage)
    assert_reports(stage.lake, counted)
    assert sum(stage.offsets().values()) > RECORDS


def test_sigterm_in_mid_backlog_ends_well_in_time_with_nothing_pending(
    topic: str, counted: AdsRecount, stage_of: Callable[[str], Stage]
) -> None:
    stage = stage_of(topic)
    for parallel in (("2", "1"), ("1", "2")):
        subject = stage.start("--batch-records", "50", "--max-epoch-bytes", "65536", parallel=parallel)
        assert stage.await_progress(subject, 3), subject.said
        asked = time.monotonic()
        subject.send(signal.SIGTERM)
        assert subject.wait(60) == 0, subject.said
        assert time.monotonic() - asked < 5 * slowness()
        # what was staged is published: no file lies there that the catalog does not know
        assert not checkers.check_leftovers(stage.lake)
    finish(stage)
    assert_reports(stage.lake, counted)


def bytewax(stage: Stage, *arguments: str) -> Subject:
    """`python -m bytewax.run run:flow`, with settings in the environment."""
    settings = {"BROKERS": stage.bootstrap, "TOPIC": stage.topic_name, "LAKE": str(stage.lake), "PIPELINE": str(ADS)}
    environ = {f"TIDEMILL_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "bytewax.run", "run:flow"]
    return Subject(arguments, stage.folder, environ=environ, command=command)


def test_bytewaxs_own_command_runs_the_same_flow(
    topic: str, counted: AdsRecount, stage_of: Callable[[str], Stage]
) -> None:
    stage = stage_of(topic)
    store = str(stage.recovery)
    subject = bytewax(stage, "-w", "2", "-r", store, "-s", "1", "-b", "0")
    try:
        assert stage.await_progress(subject, 3), subject.said
        subject.send(signal.SIGTERM)
        assert subject.wait(60) == 0, subject.said
    finally:
        subject.kill()
    finish(stage)
    assert_reports(stage.lake, counted)


def test_bytewaxs_own_command_refuses_to_run_without_a_recovery_store(
    topic: str, stage_of: Callable[[str], Stage]
) -> None:
    stage = stage_of(topic)
    subject = bytewax(stage, "-w", "2")
    assert subject.wait(60) == 2
    said = subject.said.strip()
    assert said.count("\n") == 0
    assert "add `-r recovery -s 1 -b 0`" in said
    assert not stage.lake.exists()
