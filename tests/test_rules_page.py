"""docs/rules.md, played: its cases print what the page shows, and a lake of the first one has what it tells."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow.pipeline.alert_rules import SEVERITIES
from query.reader import LakeReader

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "rules.md").read_text()
FILES = dict(re.findall(r"^File \*([\w.]+)\*[^\n]*:\n\n```\w*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
PLAYED = re.findall(r"^```sh\ntidemill (rules test [^\n]*)\n```\n\n```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COLUMNS = re.search(r"^The view `alerts`.*?\n\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def tidemill(folder: Path, *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_has_its_cases() -> None:
    assert sorted(FILES) == [
        "ads_rules.py",
        "clicks.ndjson",
        "pair_rules.py",
        "pairs.ndjson",
        "payment_rules.py",
        "payments.ndjson",
        "sales.ndjson",
        "shop_rules.py",
    ]
    assert len(PLAYED) == 4


@pytest.mark.parametrize(("command", "printed"), PLAYED, ids=lambda text: text.split()[-1][:20])
def test_a_case_prints_what_the_page_shows(folder: Path, command: str, printed: str) -> None:
    assert tidemill(folder, *command.split()) == printed


def test_a_lake_has_the_view_that_the_page_describes(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "clicks.ndjson").rename(folder / "data" / "clicks.ndjson")
    flags = ("--source", "files", "--input", "data", "--pipeline", "ads_rules.py", "--bounded")
    tidemill(folder, "run", *flags)
    with LakeReader(folder / "lake") as reader:
        found = [row["column_name"] for row in reader.query("DESCRIBE alerts").to_pylist()]
        kept = dict(reader.query("SELECT column_name, column_type FROM (DESCRIBE alerts)").to_pydict())
    assert COLUMNS is not None
    named = re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in COLUMNS[1].splitlines()))
    assert named == found
    assert set(kept["column_type"]) == {"VARCHAR", "TIMESTAMP", "BIGINT", "BOOLEAN"}
    lines = tidemill(folder, "alerts", "--rule", "click_farm", "--json").splitlines()
    assert ['"quiet":true' in line.replace(" ", "") for line in lines] == [True, False]


def test_the_severities_are_those_of_the_code() -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| `severity` |")]
    assert re.findall(r"`(\w+)`", row)[1:] == list(SEVERITIES)
