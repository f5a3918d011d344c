"""kill -9 at every point of an erasure: the lake is as before or erased, and the same command finishes."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.erasures import erasures
from tests.ducklake_client import ducklake_query
from tests.sinks.lake.upkeep.people import (
    OTHERS,
    PERSON,
    SIDE,
    People,
    end_files,
    holding,
    listed,
    rows_with_marks,
    without,
)

ROOT = Path(__file__).resolve().parents[4]
BEFORE = ("before_file", "in_file", "in_file:5", "after_file:3", "before_erase", "in_erase")
AFTER = (
    "after_erase",
    "before_unlink",
    "before_unlink:7",
    "after_unlink:3",
    "before_scrub",
    "before_scrub@3",
    "after_scrub",
)
READ = ("events", "dead_letters", SIDE)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Merged files whose parts wait for their grace, and files of single commits behind them."""
    folder = tmp_path_factory.mktemp("people")
    people = People(folder / "lake")
    for number in range(14):
        people.grow([PERSON, *OTHERS], [PERSON, "person-7"] if number % 4 == 3 else [])
        if number == 8:
            people.compact()
    people.close()
    return folder


def killed(lake: Path, fault: str) -> int:
    child = subprocess.run(
        [sys.executable, "-m", "tests.sinks.lake.upkeep.erase_child", str(lake), fault, "1795694400"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode in (0, -signal.SIGKILL), child.stderr
    return child.returncode


@pytest.mark.parametrize("fault", [*BEFORE, *AFTER])
def test_a_kill_leaves_the_lake_as_before_or_erased_and_the_same_command_finishes(
    template: Path, tmp_path: Path, fault: str
) -> None:
    lake = Path(shutil.copytree(template / "lake", tmp_path / "lake"))
    before = {table: rows_with_marks(lake, table) for table in READ}
    gone = without(before)
    assert killed(lake, fault) == -signal.SIGKILL
    assert {table: rows_with_marks(lake, table) for table in READ} == (before if fault in BEFORE else gone)
    catalog = Catalog.open(lake)
    assert [each.finished for each in erasures(catalog.connection)] == ([] if fault in BEFORE else [False])
    catalog.close()
    assert killed(lake, "") == 0
    assert {table: rows_with_marks(lake, table) for table in READ} == gone
    assert holding(lake) == []
    assert {path.relative_to(lake).as_posix() for path in lake.glob("main/*/*")} == listed(lake)
    catalog = Catalog.open(lake)
    assert [each.finished for each in erasures(catalog.connection)] == [True]
    catalog.close()


@pytest.mark.parametrize("fault", ["before_erase", "in_erase", "after_erase", "in_expiry", "before_unlink:3"])
def test_a_kill_while_what_has_left_before_is_erased_leaves_no_row_that_the_same_command_does_not_find(
    template: Path, tmp_path: Path, fault: str
) -> None:
    lake = Path(shutil.copytree(template / "lake", tmp_path / "lake"))
    catalog = Catalog.open(lake)
    for table in READ:
        end_files(catalog, table, catalog.head().id)
    catalog.close()
    assert killed(lake, fault) == -signal.SIGKILL
    assert killed(lake, "") == 0
    assert holding(lake) == []
    assert {path.relative_to(lake).as_posix() for path in lake.glob("main/*/*")} == listed(lake)
    catalog = Catalog.open(lake)
    assert [each.finished for each in erasures(catalog.connection)] == [True]
    catalog.close()


@pytest.mark.ducklake
def test_the_official_client_reads_what_a_killed_erasure_left(template: Path, tmp_path: Path) -> None:
    lake = Path(shutil.copytree(template / "lake", tmp_path / "lake"))
    catalog = Catalog.open(lake)
    catalog.connection.execute(
        "UPDATE ducklake_metadata SET value = ? WHERE \"key\" = 'data_path'", (f"{lake.resolve()}/",)
    )
    catalog.close()
    assert killed(lake, "after_unlink:2") == -signal.SIGKILL
    asked = [f"SELECT count(*), count(*) FILTER (ad = '{PERSON}') FROM events", f"SELECT count(*) FROM {SIDE}"]
    assert ducklake_query(lake, asked) == [[[42, 0]], [[28]]]
