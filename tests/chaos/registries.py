"""The schema registry dies and returns under a pipeline that is killed: records wait for it, and none is refused."""

import json
import time

from deploy.registry_server import RegistryServer
from query.reader import LakeReader
from runtime.ports import free_ports
from tests.avro_events import FIRST, GOOD, body, framed
from tests.chaos import checkers
from tests.chaos.checkers import Anomaly
from tests.chaos.rotation import check_lines
from tests.chaos.stage import Stage
from tests.chaos.subject import PATIENCE_S, Subject
from tests.kafka_fixture import create_topic, produce
from tests.registry_fixture import register

JOB = """
from dataflow import Pipeline, Rollup, avro
from dataflow import aggregates as agg
from dataflow.windows import tumble
from tests.avro_events import Order

rollups = [Rollup("hourly", ["kind"], tumble("1h"), {"lines": agg.count()})]
pipeline = Pipeline("orders", Order, rollups, format=avro())
"""


class Orders:
    """A topic of orders, each with an id of its own, by schemas that only a registry knows."""

    def __init__(self, stage: Stage, registry: RegistryServer) -> None:
        self.stage, self.registry = stage, registry
        self.ids: list[str] = []
        self._schemas: list[tuple[int, str]] = []
        create_topic(stage.bootstrap, stage.topic_name, 2)

    def new_schema(self) -> None:
        """The registry gets another one; records are written by it from now on, and by the older ones."""
        schema = json.dumps({**json.loads(FIRST), "doc": f"version {len(self._schemas)}"})
        self._schemas.append((register(self.registry.url, schema), schema))

    def write(self, count: int) -> None:
        """Records by all schemas in turn, in both partitions."""
        for partition in (0, 1):
            values = []
            for at in range(count):
                number, schema = self._schemas[-1 - at % len(self._schemas)]
                self.ids.append(f"o{len(self.ids)}")
                values.append(framed(number, body(schema, {**GOOD, "order_id": self.ids[-1]})))
            produce(self.stage.bootstrap, self.stage.topic_name, values, partition=partition)


def dying(stage: Stage) -> None:
    """Records come by schemas that nobody knows while the registry is dead; the pipeline is killed while it waits."""
    stage.topic_name = f"{stage.folder.name}-{stage.seed}"
    stage.pipeline = stage.folder / "job.py"
    stage.pipeline.write_text(JOB)
    registry = RegistryServer(stage.folder / "registry", free_ports(1)[0])
    registry.start()
    try:
        _play(stage, registry)
    finally:
        registry.kill()


def _play(stage: Stage, registry: RegistryServer) -> None:
    orders = Orders(stage, registry)
    orders.new_schema()
    orders.write(100)
    with stage.reading():
        for _ in range(max(stage.kills, 2)):
            subject = _start(stage, registry)
            if not _caught_up(stage, subject, orders):
                stage.fail(f"what the registry knows was not read: {subject.said[-800:]}")
            orders.new_schema()
            registry.kill()
            stage.count("registry killed -9")
            before = stage.offsets()
            orders.write(50)
            deadline = time.monotonic() + PATIENCE_S
            while "retrying" not in subject.said and subject.code is None and time.monotonic() < deadline:
                time.sleep(0.05)
            if subject.code is not None or stage.offsets() != before:
                stage.fail(f"records were judged without their schema, exit {subject.code}: {subject.said[-800:]}")
            if stage.random.random() < 0.7:
                stage.kill(subject, "kill -9 of the pipeline while it waits")
                subject = _start(stage, registry)
            registry.start()
            if not _caught_up(stage, subject, orders):
                stage.fail(f"the run did not go on with its registry: {subject.said[-800:]}")
            stage.kill(subject, "kill -9 of the pipeline")
        stage.expect_end(_start(stage, registry, "--bounded"), 0)
    with LakeReader(stage.lake) as reader:
        found = reader.query("SELECT order_id FROM events").column(0).to_pylist()
        counted = reader.query("SELECT sum(lines)::BIGINT AS n FROM hourly").column(0)[0].as_py()
        dead = reader.query("SELECT count(*) AS n FROM dead_letters").column(0)[0].as_py()
    stage.anomalies += check_lines(orders.ids, found, counted)
    if dead:
        stage.anomalies.append(Anomaly(checkers.LOST, f"{dead} records were refused that the registry knows"))
    stage.anomalies += checkers.check_leftovers(stage.lake)
    stage.checks["records"] += len(orders.ids)
    stage.checks["comparisons"] += 1
    audit = stage.run_command("audit", *stage.about(), "--kafka", f"schema.registry.url={registry.url}")
    stage.expect_end(audit, 0, "proven: every record of the source is in the lake exactly once")


def _start(stage: Stage, registry: RegistryServer, *more: str) -> Subject:
    workers = stage.random.choice(("1", "2"))
    return stage.start("--kafka", f"schema.registry.url={registry.url}", *more, parallel=(workers, "1"))


def _caught_up(stage: Stage, subject: Subject, orders: Orders) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while sum(stage.offsets().values()) < len(orders.ids):
        if subject.code is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
