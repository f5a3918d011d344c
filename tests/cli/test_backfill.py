"""`tidemill backfill` as a user runs it: filled, told, refused, killed; then audit, replay and doctor."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.backfill import told
from proof.backfill.fill import Filled
from proof.backfill.reach import Unreached
from sinks.lake.catalog.backfills import Backfilled

ROOT = Path(__file__).parents[2]
PIPELINE = """
from pydantic import BaseModel
from dataflow import Dimension, EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import session, tumble

class Visit(BaseModel):
    id: str
    user: str
    page: str
    at: EventTime

PER_PAGE = Rollup("per_page", ["page"], tumble("1m"), {"n": agg.count()})
LATER = [
    Rollup("per_area", ["area"], tumble("5m"), {"n": agg.count(), "users": agg.count_distinct("user")}),
    Rollup("visits", ["user"], session("20s"), {"n": agg.count(), "pages": agg.approx_count_distinct("page")}),
]
pipeline = Pipeline(
    "visits", Visit, [PER_PAGE], out_of_orderness="5s",
    dimensions=[Dimension("pages", "pages.csv", key="page", columns={"area": str})],
)
"""
SOURCE = ("--source", "files", "--input", "input")
RECORDS = 400


def lines(start: int, end: int) -> str:
    found = []
    for number in range(start, end):
        at = 1_700_000_000_000 + number * 1_000 - (3_000 if number % 7 == 3 else 0)
        found.append(json.dumps({"id": f"e{number}", "user": f"u{number % 11}", "page": f"p{number % 5}", "at": at}))
    return "".join(f"{line}\n" for line in found)


def recount() -> dict[tuple[str | None, str], tuple[int, int]]:
    """Events and users per area and five minutes, from the lines themselves."""
    users: dict[tuple[str | None, str], list[str]] = {}
    for line in lines(0, RECORDS).splitlines():
        record = json.loads(line)
        page = int(record["page"][1:])
        start = datetime.fromtimestamp(record["at"] // 300_000 * 300, UTC)
        key = (f"a{page % 2}" if page < 4 else None, f"{start:%Y-%m-%dT%H:%M:%S}Z")
        users.setdefault(key, []).append(record["user"])
    return {key: (len(each), len(set(each))) for key, each in users.items()}


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
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that was read by the small pipeline, and then on by the larger one."""
    folder = tmp_path_factory.mktemp("visits")
    (folder / "input").mkdir()
    (folder / "visits.py").write_text(PIPELINE)
    (folder / "pages.csv").write_text("page,area\n" + "".join(f"p{at},a{at % 2}\n" for at in range(4)))
    (folder / "input" / "a.ndjson").write_text(lines(0, RECORDS // 2))
    run(folder)
    (folder / "visits.py").write_text(PIPELINE.replace("[PER_PAGE]", "[PER_PAGE, *LATER]"))
    with (folder / "input" / "a.ndjson").open("a") as file:
        file.write(lines(RECORDS // 2, RECORDS))
    run(folder)
    return folder


def rollups_finding(folder: Path) -> dict[str, str]:
    """What doctor says of rollups that have not seen everything."""
    found = json.loads(tidemill(folder, "doctor", "--json", *SOURCE).stdout)
    return next(each for each in found if each["check"] == "rollups")


def test_a_rollup_is_filled_proven_and_told_and_a_second_call_has_nothing_to_do(lake: Path) -> None:
    assert "per_area begins at" in rollups_finding(lake)["message"]
    replayed = tidemill(lake, "replay", "--check", *SOURCE)
    assert (replayed.returncode, replayed.stdout.count("read without it; see `tidemill backfill`")) == (0, 2)
    # killed in the commit, nothing is done
    killed = tidemill(lake, "backfill", "per_area", fault="in_backfill")
    assert killed.returncode == -signal.SIGKILL
    first = tidemill(lake, "backfill", "per_area")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [
        "per_area: filled from 200 events of a [0, 200); rows added: per_area_delta 6, per_area_users_distinct 66",
        "per_area is whole",
    ]
    assert tidemill(lake, "backfill", "visits").returncode == 0
    again = tidemill(lake, "backfill", "visits")
    assert (again.returncode, again.stdout) == (0, "visits: nothing to fill\nvisits is whole\n")
    proven = tidemill(lake, "audit", *SOURCE)
    assert (proven.returncode, proven.stderr) == (0, "")
    assert proven.stdout.endswith("proven: every record of the source is in the lake exactly once\n")
    replayed = tidemill(lake, "replay", "--check", *SOURCE)
    assert replayed.returncode == 0, replayed.stdout
    assert "not compared" not in replayed.stdout
    answer = tidemill(lake, "report", "per_area", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    windows = {(row["area"], row["window_start"]): (row["n"], row["users"]) for row in json.loads(answer.stdout)}
    assert windows == recount()
    found = rollups_finding(lake)
    assert found["severity"] == "ok"
    assert "per_area got 200 events later, from `events`" in found["message"]


def test_an_unknown_rollup_is_one_message_with_those_there_are(lake: Path) -> None:
    done = tidemill(lake, "backfill", "nothing")
    assert done.returncode == 2
    assert done.stderr == (
        "error: ROLLUP = 'nothing': the pipeline has no such rollup; it has per_page, per_area, visits\n"
    )


def test_what_could_not_be_filled_is_told_with_its_reason_and_from_when_on_it_is_whole() -> None:
    lost = Unreached("t/0", 0, 4, "events of it have left the lake, as `events_keep` says", 1_000)
    mark = Backfilled("t/0", 4, 9, 1_001, 60_000, 1, 3, 1, 2, 7)
    done = Filled("visits", [mark], {"visits_delta": 3}, 60_000, [lost], 2, 7)
    assert told(done) == [
        "not filled: t/0 [0, 4): events of it have left the lake, as `events_keep` says",
        "visits: filled from 5 events of t/0 [4, 9); rows added: visits_delta 3",
        "visits is whole for windows that begin at 1970-01-01 00:01:00 or later, but for 2 records that came too late "
        "for every rollup of their time, which `events` does not hold",
    ]
