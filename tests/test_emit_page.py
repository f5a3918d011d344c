"""docs/emit.md, played: the case writes to a real Kafka what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow.pipeline.targets import TRIES
from tests.emitted import Sent, read_topic
from tests.kafka_fixture import create_topic

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "emit.md").read_text()
FILES = dict(re.findall(r"^File \*([\w./]+)\*[^\n]*:\n\n```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^```sh\ntidemill ([^\n]*)\n```$", PAGE, re.MULTILINE)
SHOWN = list(re.findall(r'^(\{"(?:campaign|alert_id)".*\})$', PAGE, re.MULTILINE))

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def texts(sent: list[Sent]) -> list[tuple[str, str]]:
    return sorted((each.key_text, each.value_text) for each in sent)


def test_the_case_writes_what_the_page_shows(kafka: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    for topic in ("spending", "spending-now", "alerts"):
        create_topic(kafka, topic)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
    (run,) = COMMANDS
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *run.split()],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": str(ROOT), "TIDEMILL_BROKERS": kafka},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *rows, key, value = SHOWN
    pairs = sorted(zip(rows[::2], rows[1::2], strict=True))
    assert texts(read_topic(kafka, "spending")) == pairs
    assert texts(read_topic(kafka, "alerts")) == [(key, value)]
    now = read_topic(kafka, "spending-now")
    assert sorted(each.key["window_start"] for each in now) == ["2026-03-01T12:00:00Z"] * 2 + ["2026-03-01T12:01:00Z"]


def test_the_number_of_tries_is_that_of_the_code() -> None:
    assert f"how often one alert is tried ({TRIES})" in PAGE
