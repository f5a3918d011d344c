"""From a topic that nobody described to numbers: init, check, run, report; answers equal a recount of the topic."""

import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL
from tests.kafka_fixture import fresh_topic, produce
from tests.starter.streams import orders, record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


class Folder:
    """An empty working folder, in which a user types commands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0.0

    def call(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of one command."""
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TIDEMILL_COMPACT_EVERY": "0s"}
        began = time.monotonic()
        done = subprocess.run(
            [*TIDEMILL, *words],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        self.seconds += time.monotonic() - began
        return done.returncode, done.stdout, done.stderr

    def from_init_to_numbers(self, *init: str) -> str:
        """`init`, and then each command that it prints, as it stands; gives what init said."""
        code, out, err = self.call("init", *init)
        assert (code, err) == (0, "")
        commands = re.findall(r"^  tidemill (.*)$", out, re.MULTILINE)
        assert [shlex.split(each)[0] for each in commands] == ["check", "run", "report"]
        for command in commands:
            code, said, err = self.call(*shlex.split(command))
            assert code == 0, (command, said, err)
        assert said
        return out

    def ask(self, sql: str) -> list[dict[str, Any]]:
        with LakeReader(self.path / "lake") as reader:
            return reader.query(sql).to_pylist()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def recounted(events: Sequence[tuple[int, str, Decimal]], size_ms: int) -> dict[tuple[int, str], tuple[int, Decimal]]:
    """(window start in ms, key) to count and sum, of (time, key, amount)."""
    found: dict[tuple[int, str], tuple[int, Decimal]] = {}
    for at, key, amount in events:
        place = (at // size_ms * size_ms, key)
        count, total = found.get(place, (0, Decimal(0)))
        found[place] = (count + 1, total + amount)
    return found


def shown(folder: Folder, rollup: str, key: str, total: str) -> dict[tuple[int, str], tuple[int, Decimal]]:
    rows = folder.ask(f'SELECT window_start, "{key}" AS key, events, {total} AS total FROM {rollup}')
    return {
        (int(row["window_start"].replace(tzinfo=UTC).timestamp() * 1000), row["key"]): (row["events"], row["total"])
        for row in rows
    }


def test_a_topic_that_nobody_described_gives_its_numbers_within_a_minute(kafka: str, folder: Folder) -> None:
    topic = fresh_topic(kafka, 3)
    made = orders(6_000)
    for number in range(3):
        part = made[number::3]
        stamps = [each["ts"] + 20 for each in part]
        produce(kafka, topic, [record(each) for each in part], partition=number, timestamps_ms=stamps)
    out = folder.from_init_to_numbers("--topic", topic, "--brokers", kafka)
    assert "All of the sample fits." in out
    assert folder.seconds < 60
    counted = [(each["ts"], each["status"], Decimal(str(each["amount"]))) for each in made]
    assert shown(folder, "status_1m", "status", "amount_sum") == recounted(counted, MINUTE_MS)
    by_shop = [(each["ts"], each["shop"]["id"], Decimal(str(each["amount"]))) for each in made]
    assert shown(folder, "shop_id_1h", "shop.id", "amount_sum") == recounted(by_shop, HOUR_MS)
    assert folder.ask("SELECT sum(read) AS read, sum(accepted) AS accepted FROM ledger") == [
        {"read": 6_000, "accepted": 6_000}
    ]
    print(f"from a topic to numbers: {folder.seconds:.1f} s")
