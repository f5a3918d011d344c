"""`tidemill erase` as a user runs it: refused, asked for, done, proven; beside audit, replay, doctor and recovery."""

import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.recovery_folder import RecoveryFolder
from tests.sinks.lake.upkeep.people import holding

ROOT = Path(__file__).parents[2]
PERSON = "person-42@example.org"
PIPELINE = """
from pydantic import BaseModel
from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble

class Visit(BaseModel):
    id: str
    user_id: str
    page: str
    at: EventTime

pipeline = Pipeline("visits", Visit, [
    Rollup("per_page", ["page"], tumble("1m"), {"n": agg.count(), "users": agg.count_distinct("user_id")}),
], out_of_orderness="5s", deduplicate_by="id", deduplicate_within="10m")
"""
SOURCE = ("--source", "files", "--input", "input")


def lines(start: int, end: int) -> str:
    """Records: every 20th is the person's, two dead letters are."""
    found = []
    for number in range(start, end):
        user = PERSON if number % 20 == 7 else f"user-{number % 9}"
        record = {"id": f"e{number}", "user_id": user, "page": f"p{number % 3}", "at": 1_700_000_000_000 + number * 500}
        found.append(json.dumps(record))
    found += [f'{{"user_id": "{PERSON}", "page": 5}}', f'{{"user_id": "{PERSON}']
    return "".join(f"{line}\n" for line in found)


def tidemill(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    environment |= {"PYTHONPATH": str(ROOT), "TIDEMILL_PIPELINE": "visits.py"}
    environment |= {f"TIDEMILL_{name.upper()}": value for name, value in more.items()}
    command = [sys.executable, "-m", "run", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False, input=""
    )


def run(folder: Path, *more: str) -> None:
    done = tidemill(folder, "run", "--bounded", "--compact-every", "0s", *SOURCE, *more)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("visits")
    (folder / "visits.py").write_text(PIPELINE)
    (folder / "input").mkdir()
    (folder / "input" / "a.ndjson").write_text(lines(0, 200))
    run(folder)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "work"))


def erase(folder: Path, *more: str, where: str = f"user_id = '{PERSON}'", **settings: str) -> tuple[int, str, str]:
    done = tidemill(folder, "erase", "--where", where, *more, **settings)
    return done.returncode, done.stdout, done.stderr


def test_one_person_is_erased_and_the_lake_is_proven_without(folder: Path) -> None:
    # as the smallest value of a file that was staged last
    assert holding(folder / "recovery", PERSON)
    code, out, err = erase(folder, "--yes")
    assert (code, err) == (0, "")
    assert "events: 10 of 200 rows match" in out
    assert "dead_letters: 2 of 2 rows match (1 by field, 1 by their bytes)" in out
    assert "late_events stays" in out
    assert out.splitlines()[-1].startswith("proven: nothing is left of what was erased")
    assert holding(folder / "lake", PERSON) == holding(folder / "recovery", PERSON) == []
    assert erase(folder, "--yes") == (0, f"{folder}/lake: nothing to erase, no row matches\n", "")
    count = tidemill(folder, "query", "SELECT count(*) FROM events", "--format", "csv").stdout
    assert count.splitlines()[1] == "190"


def test_audit_replay_and_doctor_know_erased_rows_from_lost_ones(folder: Path) -> None:
    assert erase(folder, "--yes")[0] == 0
    audit = tidemill(folder, "audit", *SOURCE)
    assert audit.returncode == 0, audit.stdout
    assert "events: 10 rows erased on purpose, not lost" in audit.stdout
    assert "proven: every record of the source is in the lake exactly once, but for the rows erased" in audit.stdout
    replay = tidemill(folder, "replay", "--check", "--json", *SOURCE)
    assert replay.returncode == 0, replay.stdout + replay.stderr
    told = json.loads(replay.stdout)
    assert {each["table"] for each in told["tables"]} >= {"per_page", "events", "per_page_users_distinct"}
    assert "10 rows of events, erased from the lake on purpose" in told["not_compared"]
    doctor = tidemill(folder, "doctor", *SOURCE)
    assert "ok       erasures: 1 erasure, the last at" in doctor.stdout
    assert "error" not in doctor.stdout
    # a row that is lost beside them is still told
    with sqlite3.connect(folder / "lake" / "catalog.sqlite") as catalog:
        catalog.execute("UPDATE own_erased SET offsets = '[[7, 8]]' WHERE table_name = 'events'")
    catalog.close()
    assert "DIFFERENCE missing: events" in tidemill(folder, "audit", *SOURCE).stdout
    assert tidemill(folder, "replay", "--check", *SOURCE).returncode == 1


def test_the_pipeline_goes_on_and_later_rows_of_the_person_are_new(folder: Path) -> None:
    assert erase(folder, "--yes")[0] == 0
    (folder / "input" / "a.ndjson").write_text(lines(0, 200) + lines(200, 260))
    run(folder)
    audit = tidemill(folder, "audit", *SOURCE)
    assert audit.returncode == 0, audit.stdout
    assert tidemill(folder, "replay", "--check", *SOURCE).returncode == 0
    code, out, _ = erase(folder, "--yes")
    assert "events: 3 of" in out
    # what a run has only just staged is named by the recovery store until the next one
    assert code == 0, out
    assert holding(folder / "lake", PERSON) == []
    assert tidemill(folder, "audit", *SOURCE).returncode == 0


def test_a_lake_without_events_is_erased_and_what_that_leaves_open_is_said(folder: Path) -> None:
    for name in ("lake", "recovery"):
        shutil.rmtree(folder / name)
    run(folder, "--no-events")
    code, out, _ = erase(folder, "--yes")
    assert code == 0
    assert "erased: dead_letters 2, per_page_users_distinct" in out
    assert holding(folder / "lake", PERSON) == []
    audit = tidemill(folder, "audit", *SOURCE)
    assert audit.returncode == 0, audit.stdout
    assert "NOT PROVEN windows (per_page_users_distinct): rows of it were erased" in audit.stdout
    assert tidemill(folder, "replay", "--check", *SOURCE).returncode == 0


def test_a_run_that_holds_the_recovery_folder_is_left_alone_and_that_is_said(folder: Path) -> None:
    running = RecoveryFolder(folder / "recovery")
    running.lock()
    code, out, _ = erase(folder, "--yes")
    running.unlock()
    assert code == 1
    assert "LEFT: recovery/part-0.sqlite3: the state of epochs that a run has only just staged" in out
    assert holding(folder / "lake", PERSON) == []
    code, out, _ = erase(folder, "--yes")
    assert code == 0
    assert "nothing to erase, no row matches\nrecovery: the recovery store held the value, and was written anew" in out
    assert holding(folder / "recovery", PERSON) == []


def test_without_yes_and_without_a_terminal_it_is_refused(folder: Path) -> None:
    before = holding(folder / "lake", PERSON)
    code, out, err = erase(folder)
    assert code == 2
    assert "time travel to " in out
    assert err.startswith("error: --yes = False: nothing was erased")
    assert holding(folder / "lake", PERSON) == before


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_on_a_terminal_it_asks(folder: Path, answer: bytes, code: int) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "run", "erase", "--where", f"user_id = '{PERSON}'"]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=theirs, capture_output=True, text=True, timeout=120, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "Erase these rows? It cannot be undone" in done.stdout
    assert bool(holding(folder / "lake", PERSON)) == (code == 1)


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("1 = 1", "is no equality of a column with constants; write COLUMN = VALUE"),
        ("user_id <> 'x'", "is no equality"),
        ("user_id LIKE '%'", "is no equality"),
        ("user_id = 'a' OR user_id = 'b'", "is no equality"),
        ("user_id = NULL", "comparing with NULL is never true; write COLUMN"),
        ("user_id = ''", "an empty text, which names nobody"),
        ("", "the condition is empty; write COLUMN"),
        ('"offset" = 3', "unknown column offset"),
        ("page = 'p1'", "matches 67 of the 200 rows of events"),
        (f"user_id = '{PERSON}' AND id = 'e7'", "name user_id alone"),
    ],
)
def test_hostile_and_unclear_conditions_are_refused_with_one_message(folder: Path, where: str, why: str) -> None:
    code, out, err = erase(folder, "--yes", "--most-rows", "60", where=where)
    assert (code, out) == (2, "")
    assert err.startswith("error: --where = ")
    assert why in err
    assert err.count("\n") == 1


def test_killed_after_its_commit_it_is_finished_by_the_same_command(folder: Path) -> None:
    code, _, _ = erase(folder, "--yes", fault="before_scrub")
    assert code == -signal.SIGKILL
    assert "error    erasures: the erasure of" in tidemill(folder, "doctor", *SOURCE).stdout
    code, out, _ = erase(folder, "--yes")
    assert code == 0
    assert "which had been cut short" in out
    assert holding(folder / "lake", PERSON) == []


def test_what_is_left_is_named_and_is_exit_code_1(folder: Path) -> None:
    (folder / "lake" / "export.csv").write_text(f"{PERSON},1\n")
    code, out, _ = erase(folder, "--yes")
    assert code == 1
    assert "LEFT: export.csv: a file that is not of Tidemill's tables, and not Tidemill's to delete" in out
    assert "proven" not in out


def test_another_lake_is_refused(tmp_path: Path) -> None:
    code, _, err = erase(tmp_path, "--yes")
    assert code == 5
    assert "there is no lake at" in err
