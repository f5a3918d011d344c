"""docs/inputs.md on several sources in one lake is played: files first, then a topic of a real Kafka."""

import re
import subprocess
from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT
from tests.kafka_fixture import fresh_topic, produce

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

PAGE = (ROOT / "docs" / "inputs.md").read_text()
SECTION = PAGE.partition("\n## Several sources in one lake\n")[2].partition("\n## ")[0]
FIRST, SECOND = re.findall(r"^```sh\n(.*)\n(.*)\n```$", SECTION, re.MULTILINE)[0]
(SHOP,) = re.findall(r"^```python\n(.*?)^```$", PAGE.partition("\n## Files\n")[2], re.MULTILINE | re.DOTALL)


def play(folder: Path, kafka: str, command: str) -> subprocess.CompletedProcess[str]:
    """A command of the page, with the broker of the test."""
    environment = {
        "PATH": f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "TIDEMILL_COMPACT_EVERY": "0s",
        "TIDEMILL_BROKERS": kafka,
    }
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S,
        check=False,
    )  # fmt: skip


def test_files_first_and_then_a_topic_fill_one_lake_once_it_is_said(kafka: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "monday.ndjson").write_text('{"time":1764000000000,"shop":"north","paid":1.25}\n')
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b'{"time":1764000001000,"shop":"north","paid":2}', b'{"time":1,"shop":"south"}'])
    first = play(tmp_path, kafka, FIRST)
    assert first.returncode == 0, first.stderr
    assert "--topic orders --add-source" in SECOND
    stream = SECOND.replace("--topic orders", f"--topic {topic}")

    refused = play(tmp_path, kafka, stream.replace("--add-source ", ""))
    assert refused.returncode == 2
    told = " ".join(refused.stderr.split())
    assert "Traceback" not in told
    assert "files" in told
    assert topic in told
    assert "--add-source" in told

    # joined once, it may go on without the flag
    for command in (stream, stream.replace("--add-source ", ""), FIRST):
        done = play(tmp_path, kafka, command)
        assert done.returncode == 0, done.stderr
    with LakeReader(tmp_path / "both-lake") as reader:
        rows = reader.snapshot().query("SELECT shop, orders, is_final FROM shop_1h").to_pylist()
        dead = reader.snapshot().query("SELECT reason, field FROM dead_letters").to_pylist()
    assert rows == [{"shop": "north", "orders": 2, "is_final": False}]
    assert dead == [{"reason": "missing_field", "field": "paid"}]
