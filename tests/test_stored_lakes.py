"""A lake and its recovery folder that an earlier version made go on as if this version had made them."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from proof.dump import dump
from query.reader import LakeReader
from sinks.lake.catalog.format import FORMAT, this_version
from tests.ducklake_client import ducklake_query, plain

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "tests" / "stored"
STORED = [HOME / "first", *sorted(HOME.glob("*.tar.xz"))]
"""A lake from before the first release, as files, and one of each release: see tests/stored/make.py."""


@pytest.fixture(params=STORED, ids=lambda path: path.name.removesuffix(".tar.xz"))
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a stored folder, to go on in."""
    if request.param.is_dir():
        return Path(shutil.copytree(request.param, tmp_path / "stored"))
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path / "stored", filter="data")
    return tmp_path / "stored"


def test_each_released_version_has_a_stored_lake_and_none_is_large() -> None:
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert "0.1.0" in released
    kept = {path.name.removesuffix(".tar.xz") for path in STORED}
    assert [version for version in released if version not in kept] == []
    assert [path.name for path in HOME.glob("*.tar.xz") if path.stat().st_size > 200_000] == []


def test_the_stored_lake_of_a_version_that_is_not_out_yet_is_of_its_last_state(tmp_path: Path) -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    for path in HOME.glob("*.tar.xz"):
        version = path.name.removesuffix(".tar.xz")
        if f"## [{version}]" in text:
            continue
        folder = tmp_path / version
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
        assert own_format(folder) == [(FORMAT, version)], "make it anew: python -m tests.stored.make"


def own_format(folder: Path) -> list[tuple[int, str]]:
    """What the catalog itself says of its format."""
    with sqlite3.connect(folder / "lake" / "catalog.sqlite") as connection:
        there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_format'").fetchone()
        return connection.execute("SELECT format, version FROM own_format").fetchall() if there else []


SOURCE = ("--pipeline", "pipeline.py", "--source", "files", "--input", "input")


def tidemill(folder: Path, *arguments: str) -> str:
    """Run this checkout's command in a stored folder."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "run", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def run(folder: Path, lake: str = "lake", recovery: str = "recovery", *more: str) -> None:
    """Read all that there is."""
    places = ("--lake", lake, "--recovery", recovery)
    tidemill(folder, "run", "--bounded", *more, "--compact-every", "0s", *places, *SOURCE)


def more_arrives(folder: Path) -> None:
    """One file grows, another one comes."""
    for path in (folder / "more").iterdir():
        with (folder / "input" / path.name).open("a") as file:
            file.write(path.read_text())


def dumped(folder: Path, lake: str) -> dict[str, str]:
    with LakeReader(folder / lake) as reader:
        return {path.name: path.read_text() for path in dump(reader.snapshot(), folder / f"dump-of-{lake}")}


def test_a_stored_lake_can_be_read_as_it_is(stored: Path) -> None:
    before = dumped(stored, "lake")
    assert before["counts.csv"].splitlines()[-1].startswith("*,700,")
    run(stored, "anew", "recovery-anew")
    assert dumped(stored, "anew") == before


def final_windows(folder: Path) -> tuple[int, int]:
    """How many windows of a stored lake are final, of how many."""
    with LakeReader(folder / "lake") as reader:
        row = reader.query("SELECT count(*) FILTER (is_final) AS final, count(*) AS n FROM minutes").to_pylist()[0]
    return row["final"], row["n"]


def test_in_a_stored_lake_the_watermarks_say_what_is_final_before_and_after_it_went_on(stored: Path) -> None:
    with LakeReader(stored / "lake") as reader:
        ledger = reader.query("SELECT bool_or(finished) AS finished, bool_or(final) AS final FROM ledger").to_pylist()
    # the column is younger than the oldest lakes
    assert ledger in ([{"finished": True, "final": None}], [{"finished": True, "final": False}])
    before, windows = final_windows(stored)
    assert 0 < before < windows
    run(stored)
    assert final_windows(stored) == (before, windows)
    run(stored, "lake", "recovery", "--final")
    assert final_windows(stored) == (windows, windows)


def test_a_stored_lake_is_taken_over_by_what_writes_and_by_nothing_that_reads(stored: Path) -> None:
    before = own_format(stored)
    tidemill(stored, "query", "SELECT count(*) FROM minutes", "--lake", "lake")
    tidemill(stored, "check", *SOURCE)
    assert own_format(stored) == before
    tidemill(stored, "compact", "--lake", "lake")
    assert own_format(stored) == [(FORMAT, this_version())]


def test_every_command_refuses_a_lake_of_a_later_version_in_one_sentence(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(HOME / "first", tmp_path / "stored"))
    with sqlite3.connect(folder / "lake" / "catalog.sqlite") as connection:
        connection.execute("CREATE TABLE own_format(format INTEGER NOT NULL, version TEXT NOT NULL)")
        connection.execute("INSERT INTO own_format VALUES (99, '9.9.0')")
        before = list(connection.iterdump())
    said = f"has format 99, written by Tidemill 9.9.0, and this is Tidemill {this_version()}, which knows formats up to"
    commands = [
        ("run", "--bounded", *SOURCE),
        ("query", "SELECT 1"),
        ("report",),
        ("snapshots",),
        ("files", "events"),
        ("dump", "dumped"),
        ("lateness",),
        ("compact",),
        ("erase", "--where", "user = 'u1'", "--yes"),
        ("audit", *SOURCE),
        ("replay", "--check", *SOURCE),
        ("recover", "--from-lake", *SOURCE),
        ("backfill", "minutes", "--pipeline", "pipeline.py"),
        ("check", "--pipeline", "pipeline.py"),
        ("doctor", "--pipeline", "pipeline.py"),
    ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "run", *command], cwd=folder, capture_output=True, text=True, env=environ
        )
        told = " ".join((done.stdout + done.stderr).split())
        assert said in told, (command, told)
        assert "Install Tidemill 9.9.0 or later" in told, (command, told)
        assert done.returncode == (2 if command[0] == "doctor" else 5), command
    with sqlite3.connect(folder / "lake" / "catalog.sqlite") as connection:
        assert list(connection.iterdump()) == before


def test_a_stored_lake_goes_on_with_its_recovery_folder(stored: Path) -> None:
    more_arrives(stored)
    run(stored)
    run(stored, "anew", "recovery-anew")
    assert dumped(stored, "lake") == dumped(stored, "anew")
    assert "proven" in tidemill(stored, "audit", *SOURCE)


def test_the_rules_of_a_stored_lake_may_change_from_its_next_records_on(stored: Path) -> None:
    more_arrives(stored)
    pipeline = (stored / "pipeline.py").read_text()
    for was, becomes in (('"2s"', '"20s"'), ('within="1m"', 'within="1h"'), ('lateness="1s"', 'lateness="5m"')):
        assert was in pipeline
        pipeline = pipeline.replace(was, becomes, 1)
    (stored / "pipeline.py").write_text(pipeline)
    with LakeReader(stored / "lake") as reader:
        tells = reader.snapshot().tables["ledger"].column("out_of_orderness_ms") is not None
    before = tidemill(stored, "check", "--lake", "lake", "--recovery", "recovery", *SOURCE)
    assert "out_of_orderness was 2s and is 20s from " in before
    run(stored)
    with LakeReader(stored / "lake") as reader:
        told = reader.query("SELECT DISTINCT out_of_orderness_ms AS ms FROM ledger ORDER BY ALL").to_pylist()
    assert {row["ms"] for row in told} == {2_000 if tells else None, 20_000}
    assert "proven" in tidemill(stored, "audit", *SOURCE)
    assert "every table equals the replay" in tidemill(stored, "replay", "--check", *SOURCE)


def test_a_stored_lake_is_compacted_and_stays_the_same(stored: Path) -> None:
    before = dumped(stored, "lake")
    more_arrives(stored)
    run(stored)
    whole = dumped(stored, "lake")
    assert whole != before
    tidemill(stored, "compact", "--lake", "lake")
    assert dumped(stored, "lake") == whole


def test_one_person_is_erased_from_a_stored_lake_that_goes_on(stored: Path) -> None:
    where = ("--where", "user = 'u1'", "--yes", "--most-rows", "1000")
    told = tidemill(stored, "erase", "--lake", "lake", *where)
    assert "proven: nothing is left" in told
    assert "visits_delta: user is a key of it; aggregates stay" in told
    more_arrives(stored)
    run(stored)
    assert "but for the rows erased" in tidemill(stored, "audit", *SOURCE)
    before, after = dumped(stored, "lake")["counts.csv"], tidemill(stored, "erase", "--lake", "lake", *where)
    assert "erased: events" in after
    assert dumped(stored, "lake")["counts.csv"] == before


@pytest.mark.ducklake
def test_the_official_client_reads_a_stored_lake_before_and_after_it_went_on(stored: Path) -> None:
    # the catalog names the folder in which it was made, until a run finds it moved
    run(stored)
    (before,) = ducklake_query(stored / "lake", ["SELECT sum(events), count(*) FROM growing"])
    more_arrives(stored)
    run(stored)
    (after,) = ducklake_query(stored / "lake", ["SELECT sum(events), count(*) FROM growing"])
    with LakeReader(stored / "lake") as reader:
        mine = reader.query("SELECT sum(events) AS n, count(*) AS m FROM growing").to_pylist()[0]
    assert [int(value) for value in after[0]] == [int(mine["n"]), int(mine["m"])]
    assert before != after
    final = "SELECT count(*), count(*) FILTER (is_final) FROM minutes"
    run(stored, "lake", "recovery", "--final")
    ((whole,),) = ducklake_query(stored / "lake", [final])
    assert whole[0] == whole[1] == final_windows(stored)[0]


@pytest.mark.ducklake
def test_the_event_times_of_a_stored_lake_are_timestamps_to_both_readers_once_a_run_took_it_over(stored: Path) -> None:
    older = all(number < 5 for number, _ in own_format(stored))
    places = ("--lake", "lake", "--recovery", "recovery")
    said = tidemill(stored, "run", "--bounded", "--compact-every", "0s", *places, *SOURCE)
    assert ("events is written anew with at as TIMESTAMP" in said) == older
    bounds = "\"at\" >= TIMESTAMP '2026-01-01 00:00:10' AND \"at\" < TIMESTAMP '2026-01-01 00:00:20.5'"
    sql = f'SELECT count(*) AS n, min("at") AS low, max("at") AS high FROM events WHERE {bounds}'
    with LakeReader(stored / "lake") as reader:
        mine = reader.query(sql).to_pylist()[0]
        every = reader.resolver.catalog().snapshots()
        taken = next((each.id for each in every if each.message == "takeover"), None)
        assert (taken is not None) == older
        past = None if taken is None else reader.query('SELECT max("at") AS t FROM events', as_of=taken - 1).to_pylist()
    assert 0 < mine["n"] < 669
    asked = [sql, *([] if taken is None else [f'SELECT max("at") FROM events AT (VERSION => {taken - 1})'])]
    answers = ducklake_query(stored / "lake", asked)
    assert answers[0] == plain([tuple(mine.values())])
    if past is not None:
        assert answers[1] == [[past[0]["t"]]] == [[1767225657380]]
