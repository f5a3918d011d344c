"""What can happen to brokers while the pipeline reads."""

import signal
import time

from confluent_kafka.admin import AdminClient

from deploy.kafka_server import KafkaCluster
from tests.chaos.stage import Stage
from tests.kafka_fixture import silenced
from tests.slowness import slowness

END_S = 5.0
"""From the signal to the end, on a machine that is not busy."""


def stopped(stage: Stage, cluster: KafkaCluster) -> None:
    """The only broker is stopped (SIGTERM) and started again in mid-stream; producer and pipeline wait."""
    _interrupt(stage, cluster, "broker stopped and started", kill=False)


def killed(stage: Stage, cluster: KafkaCluster) -> None:
    """The only broker is killed -9 and started again in mid-stream."""
    _interrupt(stage, cluster, "broker kill -9 and restart", kill=True)


def silent(stage: Stage, cluster: KafkaCluster) -> None:
    """The pipeline is told to end while the only broker is dead or frozen: it ends in time, the next one goes on."""
    stage.make_topic()
    faults = (("killed -9", signal.SIGTERM, ("2", "1")), ("frozen", signal.SIGINT, ("1", "2")))
    with stage.reading(), stage.feed(rate=400):
        for how, number, parallel in faults * (3 if stage.full else 1):
            subject = stage.start(parallel=parallel)
            if not stage.await_progress(subject, 3):
                stage.fail(f"no commit before the broker was {how}: exit {subject.code}: {subject.said[-800:]}")
            with silenced(cluster, how):
                time.sleep(2 * stage.random.random())
                asked = time.monotonic()
                subject.send(number)
                stage.expect_end(subject, 0)
                took_s = time.monotonic() - asked
                limit_s = END_S * slowness()
            if took_s > limit_s:
                stage.fail(f"{took_s:.1f} s from {number.name} to the end, with the broker {how}")
            stage.count(f"{number.name} while the broker is {how}")


def _interrupt(stage: Stage, cluster: KafkaCluster, label: str, *, kill: bool) -> None:
    stage.make_topic(style="transactional" if kill else "plain")
    with stage.reading(), stage.feed(rate=400):
        subject = stage.start(parallel=("2", "1"))
        for _ in range(3 if stage.full else 1):
            stage.await_progress(subject, 3)
            if kill:
                cluster.kill(1)
            else:
                cluster.stop(timeout_seconds=20)
            time.sleep(stage.random.random())
            cluster.restart(1)
            stage.count(label)
        if not stage.await_progress(subject, 3):
            stage.fail(f"no commit after the broker came back: exit {subject.code}: {subject.said[-800:]}")
        stage.kill(subject, "kill -9 of the pipeline")


def leader_killed(stage: Stage) -> None:
    """Three nodes, replication 3: the leader of a partition is killed -9 in mid-stream, and returns."""
    cluster = KafkaCluster(stage.folder / "kafka", nodes=3, heap="256m")
    cluster.start()
    try:
        stage.bootstrap = cluster.bootstrap
        topic = stage.make_topic(copies=3)
        with stage.reading(), stage.feed(rate=400):
            subject = stage.start(parallel=("2", "1"))
            for turn in range(3 if stage.full else 1):
                stage.await_progress(subject, 3)
                admin = AdminClient({"bootstrap.servers": cluster.bootstrap, "log_level": 0})
                leader = admin.list_topics(topic.name, timeout=30).topics[topic.name].partitions[turn % 4].leader
                cluster.kill(leader)
                if not stage.await_progress(subject, 3):
                    stage.fail(f"no commit without node {leader}: exit {subject.code}: {subject.said[-800:]}")
                cluster.restart(leader)
                stage.count("partition leader kill -9 and return, 3 nodes")
                stage.kill(subject, "kill -9 of the pipeline")
                subject = stage.start(parallel=("1", "2"))
            stage.await_progress(subject, 2)
            stage.kill(subject, "kill -9 of the pipeline")
        stage.finish()
    finally:
        cluster.stop(timeout_seconds=10)
