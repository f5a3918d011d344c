"""The commands of `tidemill flink`, in the order in which somebody would call them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import ConfigResource
from typer.testing import CliRunner, Result

from cli.app import app as commands
from cli.flink import app
from dataflow.errors import ConfigError, PipelineError, TidemillError
from flink.cluster.cluster import FlinkCluster
from flink.cluster.errors import FlinkError, JobFailed, Unreachable
from runtime.ports import free_ports
from tests.flink.cluster.jobs import Sums, committed, fresh_sums, sums_of, until
from tests.kafka_fixture import admin, fresh_topic

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[3]
TUMBLE = ROOT / "tests" / "flink" / "generate" / "cases" / "tumble" / "pipeline.py"
ADS = ROOT / "pipelines" / "ads.py"

BOUNDED = """
-- a made-up input, and nothing kept of it
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000');
CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT n FROM numbers;
"""


class Shell:
    """Calls the commands for one cluster."""

    def __init__(self, cluster: FlinkCluster) -> None:
        self.cluster = cluster

    def call(self, *words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--folder", str(self.cluster.folder)])

    def told(self, *words: str) -> dict[str, Any]:
        """The object of a command that went well."""
        result = self.call(*words, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        found: dict[str, Any] = json.loads(result.output)
        return found

    def error(self, *words: str) -> TidemillError:
        """The error of one that did not."""
        result = self.call(*words)
        assert isinstance(result.exception, TidemillError), result
        assert "\n" not in str(result.exception)
        return result.exception


@pytest.fixture
def shell(flink: FlinkCluster) -> Shell:
    return Shell(flink)


def script(job: Sums, folder: Path) -> str:
    """The job as a file of SQL."""
    file = folder / "sums.sql"
    quick = "SET 'execution.checkpointing.interval' = '1 s';\n"
    file.write_text(quick + ";\n".join(job.statements) + ";\n")
    return str(file)


def test_a_cluster_that_runs_is_told_and_what_was_killed_of_it_comes_back(shell: Shell) -> None:
    up = shell.call("up")
    assert up.output.startswith(f"Flink runs already: JobManager {shell.cluster.shape.rest}, SQL gateway ")
    assert isinstance(shell.error("up", "--rest-port", "1"), ConfigError)
    shell.cluster.kill("gateway")
    assert "no SQL gateway answers" in str(Unreached(shell).gateway())
    again = shell.call("up")
    assert again.output.startswith("Flink goes on, with gateway started again: ")
    assert shell.cluster.gateway.version()


class Unreached:
    """What a run says while the gateway is down."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def gateway(self) -> TidemillError:
        file = self._shell.cluster.folder / "bounded.sql"
        file.write_text(BOUNDED)
        return self._shell.error("run", "--sql", str(file))


def test_a_job_is_run_seen_saved_stopped_gone_on_with_and_cancelled(shell: Shell, kafka: str, tmp_path: Path) -> None:
    job = fresh_sums(kafka)
    job.produce(range(300))
    ran = shell.told("run", "--sql", script(job, tmp_path), "--parallelism", "2", "--name", "mine")
    assert (ran["state"], ran["name"]) == ("RUNNING", "mine")
    until(lambda: job.copied() == list(range(300)), 30)
    assert "it is RUNNING as job" in str(shell.error("run", "--sql", script(job, tmp_path), "--name", "mine"))
    seen = shell.told("status", "--name", "mine")
    assert (seen["id"], seen["state"], seen["restarts"], seen["last_failure"]) == (ran["job"], "RUNNING", 0, [])
    assert seen["checkpoints"]["completed"] >= 1
    assert {vertex["parallelism"] for vertex in seen["vertices"]} == {2}
    words = shell.call("status", "--name", "mine").output
    assert re.match(rf"mine: RUNNING for \d+ s, job {ran['job']}\n0 restarts, \d+ checkpoints, ", words)
    saved = shell.told("savepoint", "--name", "mine")["savepoint"]
    assert Path(saved.removeprefix("file:")).is_dir()
    stopped = shell.told("stop", "--name", "mine")
    job.produce(range(300, 600))
    resumed = shell.told("resume", "--name", "mine")
    assert resumed["savepoint"] == stopped["savepoint"] != saved
    assert resumed["job"] != ran["job"]
    until(lambda: job.copied() == list(range(600)) and job.summed() == sums_of(range(600)), 30)
    assert "`tidemill flink stop` first" in str(shell.error("resume", "--name", "mine"))
    assert shell.call("cancel", "--name", "mine").output == "mine cancelled\n"
    assert shell.told("status", "--name", "mine")["state"] == "CANCELED"
    job.produce(range(600, 700))
    shell.told("resume", "--name", "mine", "--from-checkpoint")
    until(lambda: job.copied() == list(range(700)) and job.summed() == sums_of(range(700)), 30)
    drained = shell.call("stop", "--name", "mine", "--drain")
    assert drained.output == "mine stopped; its windows are closed, so it cannot go on\n"
    assert shell.told("status", "--name", "mine")["state"] == "FINISHED"
    assert "it was stopped with --drain" in str(shell.error("resume", "--name", "mine"))


def test_a_bounded_job_is_waited_for(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "once.sql").write_text(BOUNDED)
    assert shell.told("run", "--sql", str(tmp_path / "once.sql"), "--wait", "300")["state"] == "FINISHED"
    assert shell.told("status", "--name", "once")["state"] == "FINISHED"


def test_a_pipeline_is_run_and_the_topics_that_it_writes_are_made(shell: Shell, kafka: str) -> None:
    topic = fresh_topic(kafka, 2)
    given = ["produce", "--brokers", kafka, "--topic", topic, "--count", "4000", "--speed", "60"]
    assert CliRunner().invoke(commands, given).exit_code == 0
    what = ("--pipeline", str(TUMBLE), "--brokers", kafka, "--topic", topic, "--sink-prefix", f"{topic}-out")
    ran = shell.told("run", *what, "--bounded", "--parallelism", "2", "--name", "pipeline", "--wait", "300")
    assert ran["state"] == "FINISHED"
    last = {}
    for value in committed(kafka, f"{topic}-out.ad_clicks_1m"):
        row = json.loads(value)
        last[row["window_start"], row["ad_id"]] = row["clicks"]
    late = len(committed(kafka, f"{topic}-out.late_events"))
    dead = len(committed(kafka, f"{topic}-out.dead_letters"))
    sent = sum(b'"event_type":"click"' in value for value in committed(kafka, topic))
    assert 0 < dead < 40
    assert sent - dead <= sum(last.values()) + late <= sent
    policy = ConfigResource(ConfigResource.Type.TOPIC, f"{topic}-out.ad_clicks_1m")
    assert admin(kafka).describe_configs([policy])[policy].result(30)["cleanup.policy"].value == "compact"


def test_what_flinks_sql_cannot_say_is_refused_by_name(shell: Shell) -> None:
    refused = CliRunner().invoke(app, ["run", "--pipeline", str(ADS), "--folder", str(shell.cluster.folder)])
    assert isinstance(refused.exception, PipelineError)
    assert "approx_count_distinct" in str(refused.exception)


def test_each_failure_of_a_run_is_one_message_with_the_way_out(shell: Shell, kafka: str, tmp_path: Path) -> None:
    job = fresh_sums(kafka)
    absent = Sums(kafka, "no-such-topic", job.sums, job.copies)
    failed = shell.error("run", "--sql", script(absent, tmp_path), "--name", "absent")
    assert isinstance(failed, JobFailed)
    assert re.search(r"absent \(job \w+\) has failed: .*no-such-topic.*; a topic is missing: make it", str(failed))
    status = shell.call("status", "--name", "absent")
    assert status.exit_code == 1
    assert "absent: FAILED" in status.output
    assert "last failure: " in status.output
    crowded = shell.error("run", "--sql", script(job, tmp_path), "--parallelism", "9", "--name", "crowded")
    assert isinstance(crowded, JobFailed)
    assert "--slots" in str(crowded)
    (tmp_path / "jar.sql").write_text(BOUNDED.replace("blackhole", "pulsar"))
    no_jar = shell.error("run", "--sql", str(tmp_path / "jar.sql"))
    assert re.search(r"'pulsar'.*; a jar is missing on that cluster", str(no_jar))
    none_saved = shell.error("resume", "--name", "crowded")
    assert "it has no savepoint yet" in str(none_saved)


def test_what_cannot_be_submitted_is_told_before_anything_is_asked(shell: Shell, tmp_path: Path) -> None:
    assert "cannot be read" in str(shell.error("run", "--sql", str(tmp_path / "none.sql")))
    (tmp_path / "two.sql").write_text(BOUNDED + BOUNDED)
    assert "it submits 2 jobs and must submit one" in str(shell.error("run", "--sql", str(tmp_path / "two.sql")))
    (tmp_path / "one.sql").write_text(BOUNDED)
    here = ("run", "--sql", str(tmp_path / "one.sql"))
    assert isinstance(shell.error(*here, "--rest", "http://127.0.0.1:1"), ConfigError)
    assert isinstance(shell.error(*here, "--rest", "somewhere", "--gateway", "http://x"), ConfigError)
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    assert isinstance(shell.error(*here, "--rest", nobody, "--gateway", nobody), Unreachable)


def test_without_a_cluster_or_a_job_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text(BOUNDED)
    there = ["--folder", str(tmp_path / "flink")]
    run = CliRunner().invoke(app, ["run", "--sql", str(tmp_path / "one.sql"), *there])
    assert isinstance(run.exception, FlinkError)
    assert "`tidemill flink up` starts one" in str(run.exception)
    for command in ("status", "stop", "savepoint", "resume", "cancel"):
        told = CliRunner().invoke(app, [command, *there])
        assert "`tidemill flink run` submits one" in str(told.exception)
    assert "no Flink of" in CliRunner().invoke(app, ["down", *there]).output
