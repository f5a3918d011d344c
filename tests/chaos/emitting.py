"""What leaves the lake while everything dies: rows and alerts in a real Kafka, each there once."""

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from dataflow import Pipeline, Rollup, kafka
from dataflow import aggregates as agg
from dataflow.pipeline.alert_rules import threshold
from dataflow.windows import tumble
from deploy.kafka_server import KafkaCluster
from query.reader import LakeReader
from tests.chaos import recount
from tests.chaos.busy import AdEvent
from tests.chaos.kills import die_at
from tests.chaos.stage import Stage
from tests.emitted import Sent, read_topic
from tests.kafka_fixture import create_topic

POINTS = (
    ("after_open", 3),
    ("before_transaction", 6),
    ("in_records", 60),
    ("after_records", 6),
    ("before_end", 6),
    ("before_end@", 6),
    ("after_end", 6),
    ("after_remember", 6),
    ("in_commit", 4),
    ("after_commit", 4),
)
"""(point, the largest count to draw), around a transaction of Kafka and around a commit of the lake. With @ the kill
comes some ms later, while the broker ends the transaction."""

KINDS = ("final", "newest", "alerts")


def emitting(prefix: str) -> Pipeline:
    """Sends a rollup in both ways, and alerts that come and go, to topics of this prefix."""
    return Pipeline(
        name="emitting",
        event=AdEvent,
        rollups=[
            Rollup(
                "minutes",
                keys=["event_type"],
                window=tumble("10s"),
                aggregates={"rows": agg.count(), "spend": agg.sum("cost"), "users": agg.count_distinct("user_id")},
                emit=[kafka(f"{prefix}final"), kafka(f"{prefix}newest", when="every_commit")],
            )
        ],
        out_of_orderness="2s",
        allowed_lateness="5s",
        idle_timeout="30s",
        max_future="5m",
        deduplicate_by="event_id",
        deduplicate_within="2m",
        alerts=[threshold("uneven", on="minutes", having="rows > 20 AND rows < 60 OR rows > 100")],
        alerts_to=[kafka(f"{prefix}alerts")],
    )


def _begin(stage: Stage, copies: int = 1) -> str:
    stage.make_topic(rate=200.0, copies=copies)
    prefix = f"{stage.topic_name}-"
    for kind in KINDS:
        create_topic(stage.bootstrap, prefix + kind, 2, copies=copies)
    stage.pipeline = stage.folder / "emitting.py"
    text = '"""What is sent."""\n\nfrom tests.chaos.emitting import emitting\n\n'
    Path(stage.pipeline).write_text(f"{text}pipeline = emitting({prefix!r})\n")
    return prefix


def killed(stage: Stage) -> None:
    """Kills at each point around transactions and commits, and at random; other workers at each restart."""
    prefix = _begin(stage)
    rng = random.Random(stage.seed)
    with stage.feed(rate=400, limit=20_000):
        for turn in range(stage.kills):
            if turn % 5 == 4:
                subject = stage.start()
                stage.await_progress(subject, rng.randrange(1, 6), seconds=20)
                time.sleep(rng.random() * 0.5)
                stage.kill(subject, "kill -9 at a random moment")
                continue
            point, most = POINTS[turn % len(POINTS)]
            name, delayed, _ = point.partition("@")
            fault = f"{name}:{rng.randrange(1, most + 1)}" + (f"@{rng.randrange(1, 12)}" if delayed else "")
            parallel = rng.choice((("1", "1"), ("2", "1"), ("4", "1")))
            die_at(stage, stage.start(fault=fault, parallel=parallel), f"{name}{' and some ms' if delayed else ''}")
    _finish(stage, prefix)


def broken(stage: Stage) -> None:
    """Brokers that are written to die in the middle of transactions, and return.

    Of three nodes: a lone one that dies before it has written the end of a transaction that is committed forgets that
    end at its next start (seen of Kafka 4.3.1), and what the transaction holds is never to be read.
    """
    cluster = KafkaCluster(stage.folder / "kafka", nodes=3, heap="256m")
    cluster.start()
    try:
        stage.bootstrap = cluster.bootstrap
        prefix = _begin(stage, copies=3)
        with stage.feed(rate=400, limit=20_000):
            subject = stage.start(parallel=("2", "1"))
            for turn in range(4 if stage.full else 2):
                stage.await_progress(subject, 4)
                node = 1 + turn % 3
                cluster.kill(node)
                time.sleep(2 * stage.random.random())
                cluster.restart(node)
                stage.count("broker kill -9 and restart, 3 nodes")
            stage.await_progress(subject, 2)
            stage.kill(subject, "kill -9 of the pipeline")
        _finish(stage, prefix)
    finally:
        cluster.stop(timeout_seconds=10)


def _finish(stage: Stage, prefix: str) -> None:
    """Read and send what is left, and compare every topic with the lake, and the lake with a recount."""
    for _ in range(3):
        last = stage.start("--bounded", "--final")
        stage.expect_end(last, 0)
        if "not all of this lake is sent" not in last.said:
            break
    count = recount.expect_topic_apart if stage.full else recount.expect_topic
    stage.check(count(stage.bootstrap, stage.topic_name, stage.pipeline))
    with LakeReader(stage.lake) as reader:
        rows = reader.query("SELECT * EXCLUDE (is_final) FROM minutes").to_pylist()
        changes = reader.query("SELECT alert_id, change, state FROM alert_changes").to_pylist()
    sent = {kind: read_topic(stage.bootstrap, prefix + kind) for kind in KINDS}
    stage.checks["records read from topics"] += sum(map(len, sent.values()))
    found = Counter((each.value["alert_id"], each.value["change"], each.value["state"]) for each in sent["alerts"])
    wanted = Counter(tuple(row.values()) for row in changes)
    if found != wanted or not wanted:
        stage.fail(
            f"alerts: {list((found - wanted).items())[:3]} too often, {list((wanted - found).items())[:3]} lacking"
        )
    seen: dict[str, int] = {}
    for each in sent["alerts"]:
        if each.value["change"] != seen.get(each.value["alert_id"], 0) + 1:
            stage.fail(f"alert {each.value['alert_id']}: change {each.value['change']} out of order")
        seen[each.value["alert_id"]] = each.value["change"]
    first = Counter(json.dumps(each.key) for each in sent["final"] if not each.value["correction"])
    if any(times > 1 for times in first.values()):
        stage.fail(f"final rows that came more than once: {[key for key, times in first.items() if times > 1][:3]}")
    for kind, left_out in (("final", {"late_count"}), ("newest", set())):
        told = [{name: value for name, value in row.items() if name not in left_out} for row in rows]
        _compare(stage, kind, sent[kind], told)


def _compare(stage: Stage, kind: str, sent: list[Sent], rows: list[dict[str, Any]]) -> None:
    newest = {json.dumps(each.key, sort_keys=True): each.value for each in sent}
    found = {
        json.dumps({name: value for name, value in value.items() if name != "correction"}, sort_keys=True)
        for value in newest.values()
        if value is not None
    }
    wanted = {json.dumps(_as_sent(row), sort_keys=True) for row in rows}
    stage.checks["comparisons"] += 1
    if found != wanted or not wanted:
        stage.fail(
            f"topic {kind}: {sorted(found - wanted)[:2]} is not in the lake, {sorted(wanted - found)[:2]} not sent"
        )


def _as_sent(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: str(value) if name == "spend" and value is not None else value for name, value in row.items()}
    for name in ("window_start", "window_end"):
        told[name] = f"{row[name].isoformat()}Z"
    return told
