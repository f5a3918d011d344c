"""What leaves the lake, read by a real Kafka Connect: the rows that DuckDB shows from the lake."""

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deploy.registry_server import RegistryServer
from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.connect_worker import Sink, avro, text, worker
from tests.kafka_fixture import fresh_topic

JOB = """
from pydantic import BaseModel
from tidemill import EventTimeText, Money, Pipeline, Rollup, avro, kafka
from tidemill import aggregates as agg
from tidemill.windows import tumble

class Click(BaseModel):
    at: EventTimeText
    campaign: str | None = None
    cost: Money | None = None

COUNTS = {"clicks": agg.count(), "spent": agg.sum("cost")}
pipeline = Pipeline(
    "emitted", Click,
    [
        Rollup("minutes", ["campaign"], tumble("1m"), COUNTS,
               emit=[kafka("FINAL"), kafka("FINAL_AVRO", format=avro())]),
    ],
    out_of_orderness="5s",
)
"""

TOPICS = ("FINAL_AVRO", "FINAL")
FIRST = (
    ("2026-03-01T12:00:01Z", "spring", "0.25"),
    ("2026-03-01T12:00:30.5Z", "spring", "123456789012.000001"),
    ("2026-03-01T12:00:40Z", None, "0"),
    ("2026-03-01T12:01:10Z", "größer", None),
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


class Emitted:
    """A lake, and the topics that its rows were sent to."""

    def __init__(self, path: Path, bootstrap: str, registry: RegistryServer) -> None:
        self.path, self.bootstrap, self.registry = path, bootstrap, registry
        (path / "data").mkdir()
        self.topics = {name: fresh_topic(bootstrap, 2) for name in TOPICS}
        job = JOB
        for name, topic in self.topics.items():
            job = job.replace(f'"{name}"', f'"{topic}"')
        (path / "job.py").write_text(job)
        (path / "tidemill.toml").write_text(f'[kafka]\n"schema.registry.url" = "{registry.url}"\n')

    def run(self, events: Sequence[tuple[str, str | None, str | None]]) -> None:
        """Read these events as well, and send what they make."""
        with (self.path / "data" / "a.ndjson").open("a") as file:
            for at, campaign, cost in events:
                file.write(f'{{"at": "{at}", "campaign": {json.dumps(campaign)}, "cost": {cost or "null"}}}\n')
        source = ("--source", "files", "--input", "data", "--brokers", self.bootstrap)
        self.tidemill("run", "--bounded", "--pipeline", "job.py", *source)

    def tidemill(self, *words: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        done = subprocess.run(
            [*TIDEMILL, *words],
            cwd=self.path,
            env={**clean, "PYTHONPATH": str(ROOT), "TIDEMILL_COMPACT_EVERY": "0s"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def asked(self, view: str, where: str = "true") -> list[tuple[Any, ...]]:
        """Rows of a view of the lake, as DuckDB shows them."""
        with LakeReader(self.path / "lake") as reader:
            rows = reader.query(
                f"SELECT campaign, window_start, window_end, clicks, spent FROM {view} WHERE {where}"
            ).to_pylist()
        return in_order(tuple(row.values()) for row in rows)


def in_order(rows: Any) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


@pytest.fixture
def emitted(kafka: str, registry: RegistryServer, tmp_path: Path) -> Emitted:
    made = Emitted(tmp_path, kafka, registry)
    made.run(FIRST)
    return made


def test_a_sink_of_kafka_connect_gets_the_rows_of_the_lake(emitted: Emitted, tmp_path: Path) -> None:
    rows = emitted.asked("minutes", "is_final")
    assert len(rows) == 2
    sinks = [
        Sink(emitted.topics["FINAL"], tmp_path / "json", text()),
        Sink(emitted.topics["FINAL_AVRO"], tmp_path / "avro", avro(emitted.registry)),
    ]
    with worker(tmp_path, emitted.bootstrap, *sinks) as lines:
        of_json, of_avro = (lines(sink, len(rows)) for sink in sinks)
    read = [json.loads(line, parse_float=Decimal) for line in of_json]
    assert (
        in_order(
            (row["campaign"], moment(row["window_start"]), moment(row["window_end"]), row["clicks"], row["spent"])
            for row in read
        )
        == rows
    )
    assert sorted(of_avro) == sorted(map(struct, rows))


def struct(row: tuple[Any, ...]) -> str:
    """A row as Connect writes one whose columns have types: those that are null are left out."""
    campaign, start, end, clicks, spent = row
    named = {
        "campaign": campaign,
        "window_start": date(start),
        "window_end": date(end),
        "clicks": clicks,
        "spent": spent,
        "correction": "false",
    }
    return f"Struct{{{','.join(f'{name}={value}' for name, value in named.items() if value is not None)}}}"


def date(at: datetime) -> str:
    return f"{at:%a %b %d %H:%M:%S} UTC {at:%Y}"


def moment(text_: str) -> datetime:
    return datetime.fromisoformat(text_).replace(tzinfo=None)
