"""The form of a lake: an older one is taken over in one transaction, a newer one refused in words."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataflow.errors import NewerLake
from sinks.lake.catalog import format as form
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.format import FORMAT, MIGRATIONS, Format, format_of, this_version
from sinks.lake.catalog.reader import open_readonly
from sinks.lake.tables.event_times import open_existing
from sinks.lake.tables.prepare import open_lake
from tests.sinks.lake.small import Clock, small_plan

ROOT = Path(__file__).parents[4]

STORED = Path(__file__).parents[3] / "stored" / "first" / "lake"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A lake from before there was a format."""
    return Path(shutil.copytree(STORED, tmp_path / "lake"))


@pytest.fixture
def looked(old: Path) -> Callable[[str], list[tuple[object, ...]]]:
    def rows(sql: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(old / "catalog.sqlite") as connection:
            return connection.execute(sql).fetchall()

    return rows


OWN = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'own%' ORDER BY name"


def plain(rows: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Without the spaces in which statements differ."""
    return [(name, "".join((sql or "").split())) for name, sql in rows]


def test_a_new_lake_has_the_format_of_this_version_and_says_so(tmp_path: Path) -> None:
    open_lake(tmp_path / "lake", small_plan(), Clock()()).close()
    with open_readonly(tmp_path / "lake") as reader:
        assert format_of(reader.connection) == Format(FORMAT, this_version())


def test_whoever_only_reads_leaves_an_older_lake_as_it_is(old: Path, looked: Callable[[str], list]) -> None:
    before = (old / "catalog.sqlite").read_bytes()
    with open_readonly(old) as reader:
        assert format_of(reader.connection) == Format(0, None)
    Catalog.look(old).close()
    assert (old / "catalog.sqlite").read_bytes() == before


def test_whoever_writes_takes_an_older_lake_over_and_it_has_what_a_new_one_has(
    old: Path, looked: Callable[[str], list], tmp_path: Path
) -> None:
    assert len(looked(OWN)) < 12
    open_existing(old, Clock()()).close()
    Catalog.create(tmp_path / "new", Clock()()).close()
    with sqlite3.connect(tmp_path / "new" / "catalog.sqlite") as new:
        assert plain(looked(OWN)) == plain(new.execute(OWN).fetchall())
    assert looked("SELECT * FROM own_format") == [(FORMAT, this_version())]
    assert len(looked("SELECT * FROM own_object")) == 16
    before = looked("SELECT * FROM own_offset"), looked("PRAGMA data_version")
    open_existing(old, Clock()()).close()
    assert (looked("SELECT * FROM own_offset"), looked("PRAGMA data_version")) == before


def test_each_step_may_find_its_work_done(old: Path) -> None:
    catalog = open_existing(old, Clock()())
    for step in MIGRATIONS:
        with catalog.transaction() as connection:
            step(connection)
    catalog.close()


def test_a_pipeline_that_the_lake_refuses_leaves_it_as_it_was(old: Path, looked: Callable[[str], list]) -> None:
    with pytest.raises(Exception, match="is the lake of pipeline 'stored'"):
        open_lake(old, small_plan(), Clock()())
    assert not looked("SELECT 1 FROM sqlite_master WHERE name = 'own_format'")


DIES = """
import os, signal, sys
from pathlib import Path
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.format import MIGRATIONS, migrate

def die(connection):
    os.kill(os.getpid(), signal.SIGKILL)

with Catalog.open(Path(sys.argv[1])).transaction() as connection:
    migrate(connection, (*MIGRATIONS[: int(sys.argv[2])], die))
"""


@pytest.mark.parametrize("after", range(len(MIGRATIONS) + 1))
def test_a_process_that_is_killed_between_two_steps_leaves_an_older_lake_as_it_was(
    old: Path, looked: Callable[[str], list], after: int
) -> None:
    before = looked(OWN)
    # a process of its own: a fork of one with threads may wait for ever for a lock that one of them had
    died = subprocess.run([sys.executable, "-c", DIES, str(old), str(after)], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    assert looked(OWN) == before
    open_existing(old, Clock()()).close()
    assert looked("SELECT format FROM own_format") == [(FORMAT,)]


def test_a_lake_of_a_later_version_is_refused_in_one_sentence_that_names_it(old: Path) -> None:
    open_existing(old, Clock()()).close()
    with sqlite3.connect(old / "catalog.sqlite") as connection:
        connection.execute("UPDATE own_format SET format = 99, version = '9.9.0'")
    said = (
        f"the lake {old} has format 99, written by Tidemill 9.9.0, and this is Tidemill {this_version()}, which knows "
        f"formats up to {FORMAT}; nothing was changed. Install Tidemill 9.9.0 or later"
    )
    for opens in (Catalog.open, Catalog.look, open_readonly):
        with pytest.raises(NewerLake) as told:
            opens(old)
        assert str(told.value) == said
    with pytest.raises(NewerLake):
        open_lake(old, small_plan(), Clock()())


def test_another_version_of_the_same_format_is_written_down_once(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_existing(old, Clock()()).close()
    monkeypatch.setattr(form, "this_version", lambda: "7.0.0")
    monkeypatch.setattr("sinks.lake.tables.event_times.this_version", lambda: "7.0.0")
    catalog = open_existing(old, Clock()())
    assert format_of(catalog.connection) == Format(FORMAT, "7.0.0")
    catalog.close()
