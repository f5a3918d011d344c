"""docs/emit.md, played: the case writes to a real Kafka what the page shows."""

import io
import json
import operator
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from dataflow.formats.frame import key_of
from dataflow.formats.protobuf_schema import MessageSchema, numbers_in
from dataflow.pipeline.load import load
from dataflow.pipeline.targets import EVERY_COMMIT, TRIES
from deploy.registry_server import RegistryServer
from query.reader import LakeReader
from runtime.registry.client import RegistryClient
from tests.emitted import Sent, read_bytes, read_topic
from tests.kafka_fixture import create_topic
from tests.registry_fixture import set_compatibility

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "emit.md").read_text()
FILES = dict(re.findall(r"^File \*([\w./]+)\*[^\n]*:\n\n```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^```sh\ntidemill ([^\n]*)\n```$", PAGE, re.MULTILINE)
(AVRO_LINE,) = re.findall(r"^```\n( +emit=[^\n]*\n)```$", PAGE, re.MULTILINE)
(SCHEMA,) = re.findall(r"^```\n(\{.type.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(MESSAGE,) = re.findall(r"^```\n(syntax.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHOWN = list(re.findall(r'^(\{"(?:campaign|alert_id)".*\})$', PAGE, re.MULTILINE))

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def texts(sent: list[Sent]) -> list[tuple[str, str]]:
    return sorted((each.key_text, each.value_text) for each in sent)


TOPICS = ("spending", "spending-now", "alerts")


def run(folder: Path, kafka: str, *words: str) -> str:
    """What a command of the page says on the side, in a folder with its files."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), "TIDEMILL_BROKERS": kafka},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def write_files(folder: Path) -> None:
    (folder / "data").mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)


def test_the_case_writes_what_the_page_shows(kafka: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    for topic in TOPICS:
        create_topic(kafka, topic)
    (command,) = COMMANDS
    run(tmp_path, kafka, *command.split())
    *rows, key, value = SHOWN
    pairs = sorted(zip(rows[::2], rows[1::2], strict=True))
    assert texts(read_topic(kafka, "spending")) == pairs
    assert texts(read_topic(kafka, "alerts")) == [(key, value)]
    now = read_topic(kafka, "spending-now")
    assert sorted(each.key["window_start"] for each in now) == ["2026-03-01T12:00:00Z"] * 2 + ["2026-03-01T12:01:00Z"]


READER = """
from pydantic import BaseModel
from tidemill import EventTime, Money, Pipeline, Rollup, avro
from tidemill import aggregates as agg
from tidemill.windows import tumble

class Spending(BaseModel):
    window_end: EventTime
    campaign: str
    clicks: int
    spent: Money
    correction: bool

TOTAL = {"clicks": agg.sum("clicks"), "spent": agg.sum("spent")}
pipeline = Pipeline("reader", Spending, [Rollup("hours", ["campaign"], tumble("1h"), TOTAL)], format=avro())
"""


def test_the_case_by_registered_schemas_writes_the_same_rows_by_those_that_the_page_shows(
    kafka: str, registry: RegistryServer, tmp_path: Path
) -> None:
    write_files(tmp_path)
    job, topics = FILES["ads_out.py"], {name: f"{name}-{time.monotonic_ns()}" for name in TOPICS}
    (line,) = re.findall(r"^ +emit=.*\n", job, re.MULTILINE)
    both = AVRO_LINE.replace('"every_commit", format=avro()', '"every_commit", format=protobuf()')
    job = job.replace(line, both).replace("import EventTimeText,", "import avro, protobuf, EventTimeText,")
    job = job.replace('alerts_to=[kafka("alerts")]', 'alerts_to=[kafka("alerts", format=avro())]')
    for name, topic in topics.items():
        create_topic(kafka, topic)
        job = job.replace(f'kafka("{name}"', f'kafka("{topic}"')
    (tmp_path / "ads_out.py").write_text(job)
    (tmp_path / "tidemill.toml").write_text(f'[kafka]\n"schema.registry.url" = "{registry.url}"\n')
    run(tmp_path, kafka, *COMMANDS[0].split())
    client = RegistryClient({"schema.registry.url": registry.url})
    found = client.latest(f"{topics['spending']}-value")
    assert found is not None
    assert json.loads(found.text) == json.loads(SCHEMA)
    *rows, _, change = SHOWN
    message = client.latest(f"{topics['spending-now']}-value")
    assert message is not None
    assert (message.kind, message.text) == ("PROTOBUF", MESSAGE)
    made = MessageSchema("spending_1m", "tidemill.ads_out", newest_values(tmp_path), numbers_in(MESSAGE)).make()
    now = [body_of_message(made, value) for _, value in read_bytes(kafka, topics["spending-now"])]
    assert sorted((each.campaign, each.clicks, each.spent) for each in now) == [
        ("spring", 1, "0.100000"),
        ("spring", 3, "1.000000"),
        ("winter", 0, "0.000000"),
    ]
    read = {
        name: [told(client, value) for _, value in read_bytes(kafka, topics[name])] for name in ("spending", "alerts")
    }
    by_name = operator.itemgetter("campaign")
    wanted = [json.loads(row, parse_float=Decimal) for row in rows[1::2]]
    assert sorted(read["spending"], key=by_name) == sorted(map(timed, wanted), key=by_name)
    (alert,) = read["alerts"]
    alert |= {name: json.loads(alert[name]) for name in ("key", "values")}
    assert alert == timed(json.loads(change))

    (tmp_path / "reader.py").write_text(READER)
    place = ("--pipeline", "reader.py", "--lake", "hours", "--recovery", "hours-recovery", "--final")
    run(tmp_path, kafka, "run", "--source", "kafka", "--topic", topics["spending"], "--bounded", *place)
    with LakeReader(tmp_path / "hours") as reader:
        hours = reader.query("SELECT campaign, clicks, spent FROM hours ORDER BY campaign").to_pylist()
        assert reader.query("SELECT count(*) AS n FROM dead_letters").to_pylist() == [{"n": 0}]
    assert hours == [
        {"campaign": "spring", "clicks": 3, "spent": Decimal(1)},
        {"campaign": "winter", "clicks": 0, "spent": Decimal(0)},
    ]

    set_compatibility(registry.url, f"{topics['spending']}-value", "BACKWARD")
    job = job.replace('agg.sum("cost")', 'agg.avg("cost")').replace("ads_out", "ads_two")
    (tmp_path / "ads_out.py").write_text(job)
    other = ("--lake", "other", "--recovery", "other-recovery")
    said = run(tmp_path, kafka, *COMMANDS[0].split(), *other)
    assert f"does not take the schema for {topics['spending']}-value" in said
    assert len(read_bytes(kafka, topics["spending"])) == len(wanted)


def told(client: RegistryClient, value: bytes | None) -> dict[str, Any]:
    """A value by the schema that the registry has of its number."""
    assert value is not None
    named = key_of(value)
    assert named is not None
    found = client.find(named[0])
    assert found is not None
    schema = fastavro.parse_schema(json.loads(found.text))
    read: Any = fastavro.schemaless_reader(io.BytesIO(value[named[1] :]), schema, None)
    return dict(read)


def newest_values(folder: Path) -> pa.Schema:
    return next(each for each in load(str(folder / "ads_out.py")).emits if each.when == EVERY_COMMIT).values


def body_of_message(made: Any, value: bytes | None) -> Any:
    """A value behind its frame: a zero byte, the schema's number, and that it is the first message of its file."""
    assert value is not None
    assert (value[0], value[5]) == (0, 0)
    return made.FromString(value[6:])


def timed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: datetime.fromisoformat(row[name]) for name in ("window_start", "window_end")}


def test_the_number_of_tries_is_that_of_the_code() -> None:
    assert f"how often one alert is tried ({TRIES})" in PAGE
