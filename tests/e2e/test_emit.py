"""Rows and alerts leave real runs for a real Kafka, whatever is killed on the way: each is there once."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.emitted import Sent, read_topic
from tests.hook_server import hook_server
from tests.kafka_fixture import fresh_topic

JOB = """
from typing import Annotated
from annotated_types import Len
from pydantic import BaseModel
from tidemill import EventTime, Money, Pipeline, Rollup, alerts, kafka
from tidemill import aggregates as agg
from tidemill.windows import hop, session, tumble

class Click(BaseModel):
    id: Annotated[str, Len(1, 20)]
    time: EventTime
    who: str
    cost: Money = 0

COUNTS = {"clicks": agg.count(), "cost": agg.sum("cost"), "people": agg.count_distinct("who")}
pipeline = Pipeline(
    "small",
    Click,
    [
        Rollup("minutes", ["who"], tumble("1m"), COUNTS,
               emit=[kafka("FINAL", key=["who"]), kafka("NEWEST", when="every_commit")]),
        Rollup("visits", ["who"], session("20s"), COUNTS, emit=kafka("VISITS")),
    ],
    out_of_orderness="2m",
    idle_timeout="1h",
    alerts=[
        alerts.threshold("busy", keys=["who"], window=tumble("1m"), aggregates={"clicks": agg.count()},
                         having="clicks IN (1, 3, 5, 7, 9)", cool_down="5m"),
        alerts.distinct("many", key=[], of="who", more_than=2, window=tumble("10s")),
    ],
    alerts_to=[kafka("ALERTS"), kafka("MANY", rules=["many"])],
)
"""

TOPICS = ("FINAL", "NEWEST", "VISITS", "ALERTS", "MANY")
DAY_MS = 1_764_000_000_000
POINTS = (
    *("after_open:2", "before_transaction:2", "in_records:20", "after_records:2", "before_end:2", "after_end:1"),
    *("before_end:1@1", "after_remember:2", "in_commit:2"),
)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


class Folder:
    """A working folder with a growing file, a pipeline, and topics that it writes to."""

    def __init__(self, path: Path, bootstrap: str) -> None:
        self.path, self.bootstrap = path, bootstrap
        self.data = path / "data"
        self.data.mkdir()
        text = JOB
        self.topics = {name: fresh_topic(bootstrap, 2) for name in TOPICS}
        for name, topic in self.topics.items():
            text = text.replace(f'"{name}"', f'"{topic}"')
        (path / "job.py").write_text(text)
        self.count = 0

    def grow(self, records: int, *, step_ms: int = 700) -> None:
        with (self.data / "a.ndjson").open("a") as file:
            for _ in range(records):
                at = DAY_MS + self.count * step_ms - (self.count % 7) * 9_000
                cost = f"{self.count % 90}.25"
                line = {"id": f"i{self.count}", "time": at, "who": "abc"[self.count * self.count % 11 % 3]}
                file.write(json.dumps(line)[:-1] + f', "cost": {cost}}}\n')
                self.count += 1

    def tidemill(
        self, *arguments: str, fault: str = "", more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        ours = {"PYTHONPATH": str(ROOT), "TIDEMILL_FAULT": fault, "TIDEMILL_COMPACT_EVERY": "0s"}
        return subprocess.run(
            [*TIDEMILL, *arguments],
            cwd=self.path,
            env={**clean, **ours, **(more or {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def run(
        self, *flags: str, fault: str = "", more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        small = ("run", "--bounded", "--batch-records", "50", "--epoch-ms", "20", "--max-epoch-bytes", "65536")
        source = ("--pipeline", "job.py", "--source", "files", "--input", "data", "--brokers", self.bootstrap)
        return self.tidemill(*small, *source, *flags, fault=fault, more=more)

    def sent(self, name: str) -> list[Sent]:
        return read_topic(self.bootstrap, self.topics[name])

    def asked(self, sql: str) -> list[dict[str, Any]]:
        with LakeReader(self.path / "lake") as reader:
            return reader.query(sql).to_pylist()


@pytest.fixture
def folder(kafka: str, tmp_path: Path) -> Folder:
    return Folder(tmp_path, kafka)


def moment(at: Any) -> str:
    text = at.isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def of_view(row: dict[str, Any], *, late: bool) -> dict[str, Any]:
    """A row of the view as it is sent."""
    shown = {name: str(value) if name == "cost" else value for name, value in row.items() if name != "is_final"}
    shown |= {name: moment(row[name]) for name in ("window_start", "window_end")}
    if not late:
        del shown["late_count"]
    return shown


def require_equal(folder: Folder) -> None:
    """What was sent is what the lake has: each once."""
    changes = folder.asked("SELECT * FROM alert_changes")
    for name, wanted in (("ALERTS", changes), ("MANY", [each for each in changes if each["rule"] == "many"])):
        sent = folder.sent(name)
        found = Counter((each.value["alert_id"], each.value["change"], each.value["state"]) for each in sent)
        assert found == Counter((each["alert_id"], each["change"], each["state"]) for each in wanted)
        by_alert: dict[str, list[int]] = {}
        for each in sent:
            by_alert.setdefault(each.value["alert_id"], []).append(each.value["change"])
            assert each.key == {"alert_id": each.value["alert_id"]}
        assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_alert.values())
    for name, view in (("FINAL", "minutes"), ("VISITS", "visits")):
        rows = folder.asked(f"SELECT * FROM {view} WHERE is_final")
        wanted_rows = [{**of_view(row, late=False), "correction": False} for row in rows]
        found_rows = [each.value for each in folder.sent(name)]
        key = lambda row: json.dumps(row, sort_keys=True)  # noqa: E731
        assert sorted(found_rows, key=key) == sorted(wanted_rows, key=key)
    newest = {json.dumps(each.key): each.value for each in folder.sent("NEWEST")}
    wanted = [of_view(row, late=True) for row in folder.asked("SELECT * FROM minutes")]
    names = ("who", "window_start", "window_end")
    assert newest == {json.dumps({name: row[name] for name in names}): row for row in wanted}


def test_everything_is_sent_once_over_kills_at_every_point(folder: Folder) -> None:
    killed = 0
    for at, point in enumerate(POINTS):
        folder.grow(150)
        done = folder.run("-w", "12"[at % 2], fault=point)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        killed += done.returncode != 0
    assert killed >= len(POINTS) - 2
    folder.grow(60)
    done = folder.run("--final", "-w", "2")
    assert done.returncode == 0, done.stderr
    require_equal(folder)
    assert len(folder.sent("ALERTS")) > 50
    again = folder.run()
    assert again.returncode == 0, again.stderr
    require_equal(folder)


def test_alerts_are_posted_while_a_webhook_fails_and_what_it_refuses_lies_in_the_lake(folder: Folder) -> None:
    def answers(number: int) -> int:
        return (204, 500, 204, 400)[number % 4]

    job = (folder.path / "job.py").read_text()
    job, _, _ = job.partition("    alerts_to=")
    with hook_server(answers) as hook:
        to = f'webhook("{hook.url}/in", secret="HOOK_SECRET", name="pager", start="earliest", tries=2)'
        job = job.replace("alerts, kafka", "alerts, kafka, webhook") + f"    alerts_to=[{to}],\n)\n"
        (folder.path / "job.py").write_text(job)
        folder.grow(200)
        refused = folder.run()
        assert refused.returncode == 2
        assert "secret = 'HOOK_SECRET': the environment has no such variable" in refused.stderr
        assert "HOOK_SECRET" in folder.tidemill("check", "--pipeline", "job.py").stderr
        secret = {"HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
        done = folder.run(fault="after_remember:2", more=secret)
        assert done.returncode == -signal.SIGKILL, done.stderr
        folder.grow(60)
        done = folder.run(more=secret)
        assert done.returncode == 0, done.stderr
        posted = {each.headers["webhook-id"] for each in hook.taken}
    dead = {each["webhook_id"] for each in folder.asked("SELECT * FROM webhook_dead_letters")}
    changes = {f"{each['alert_id']}.{each['change']}" for each in folder.asked("SELECT * FROM alert_changes")}
    assert posted
    assert dead
    assert posted | dead == changes
    catalog = (folder.path / "lake" / "catalog.sqlite").read_bytes()
    assert b"whsec_" not in catalog
    assert hook.url.encode() not in catalog
    assert (
        "every table equals the replay"
        in folder.tidemill("replay", "--check", "--pipeline", "job.py", "--source", "files", "--input", "data").stdout
    )
