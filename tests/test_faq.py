"""docs/faq.md: short answers, each with a link, what they say of contracts and versions, and the two done by hand."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "faq.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ANSWERS = {head: text.strip() for head, text in re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE)}
LINK = re.compile(r"\]\(([\w./]+)(?:#([\w-]+))?\)")


@pytest.mark.parametrize("question", ANSWERS)
def test_an_answer_is_short_and_leads_on(question: str) -> None:
    assert question.endswith("?")
    assert 1 <= len(ANSWERS[question].splitlines()) <= 6
    assert LINK.search(ANSWERS[question])


def anchors(page: Path) -> set[str]:
    """The places in a page that a link may lead to, as GitHub names them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", ["faq.md", "security.md"])
def test_a_link_leads_to_a_head_that_is_there(page: str) -> None:
    links = LINK.findall((ROOT / "docs" / page).read_text())
    assert links
    missing = [(to, anchor) for to, anchor in links if anchor and anchor not in anchors(ROOT / "docs" / to)]
    assert missing == []


def test_the_files_that_know_bytewax_are_those_of_the_contract() -> None:
    (contract,) = [each for each in PROJECT["tool"]["importlinter"]["contracts"] if each["id"] == "bytewax"]
    answer = ANSWERS["What if Bytewax stays without maintenance?"]
    assert f'The import contract `bytewax` ("{contract["name"]}"' in answer
    allowed = {line.partition(" ->")[0].replace(".", "/") + ".py" for line in contract["ignore_imports"]}
    assert set(re.findall(r"`(\w+/[\w/]+\.py)`", answer)) - {"tests/harness.py"} == allowed
    assert "Then six files" in answer
    assert len(allowed) == 6
    assert "bytewax" not in (ROOT / "tests" / "harness.py").read_text()


def test_the_versions_are_those_of_the_project() -> None:
    assert "bytewax==0.21.1" in PROJECT["project"]["dependencies"]
    assert PROJECT["project"]["requires-python"] == ">=3.11,<3.13"


def tidemill(folder: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    pipeline = str(ROOT / "pipelines" / "payments.py")
    done = subprocess.run(
        [sys.executable, "-m", "run", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "TIDEMILL_PIPELINE": pipeline},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def records(folder: Path, lake: str) -> int:
    told = tidemill(folder, "query", "SELECT sum(read) FROM ledger", "--lake", lake, "--format", "csv")
    return int(told.split()[1])


def test_a_lake_is_moved_and_started_from_the_beginning_as_the_answers_say(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "pipelines" / "samples" / "payments", tmp_path / "input")
    source = ("run", "--source", "files", "--input", "input", "--bounded", "--compact-every", "0s")
    tidemill(tmp_path, *source)
    read = records(tmp_path, "lake")
    assert read > 0
    for name in ("lake", "recovery"):
        (tmp_path / name).rename(tmp_path / f"moved-{name}")
    assert records(tmp_path, "moved-lake") == read
    went_on = tidemill(tmp_path, *source, "--lake", "moved-lake", "--recovery", "moved-recovery")
    assert '"read": 0' in went_on
    assert records(tmp_path, "moved-lake") == read
    for name in ("lake", "recovery"):
        shutil.rmtree(tmp_path / f"moved-{name}")
    tidemill(tmp_path, *source)
    assert records(tmp_path, "lake") == read
