"""What lies in a lake, by its real path."""

import sqlite3
from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from sinks.lake.catalog.enclosing import enclosing_lake, is_lake, require_outside, require_own_folder
from tests.query.lakes import LakeMaker


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    with LakeMaker(tmp_path / "data" / "lake") as maker:
        return maker.folder


def test_a_lake_is_known_by_its_catalog(lake: Path) -> None:
    assert is_lake(lake)
    assert not is_lake(lake.parent)
    assert not is_lake(lake / "main")


def test_other_files_of_that_name_make_no_lake(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_text("no database")
    assert not is_lake(tmp_path)
    (tmp_path / "catalog.sqlite").unlink()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as connection:
        connection.execute("CREATE TABLE books (title TEXT)")
    connection.close()
    assert not is_lake(tmp_path)
    (tmp_path / "catalog.sqlite").unlink()
    (tmp_path / "catalog.sqlite").mkdir()
    assert not is_lake(tmp_path)


def test_whatever_lies_in_a_lake_is_refused_there_or_not_by_its_real_path(lake: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(lake / "main")
    for inside in (
        lake,
        lake / "catalog.sqlite",
        lake / "main" / "x" / "y",
        link / "x.csv",
        lake / "main" / ".." / "x",
    ):
        assert enclosing_lake(inside) == lake.resolve()
        with pytest.raises(ConfigError, match=r"--output = .*lies in the lake .*; name another place"):
            require_outside("--output", inside)
    for outside in (lake.parent, lake.parent / "lake2", lake.parent / "x.csv", lake / ".." / "x.csv"):
        require_outside("--output", outside)


def test_a_folder_that_will_be_a_lake_counts_where_it_is_named(tmp_path: Path) -> None:
    require_outside("recovery", tmp_path / "lake" / "recovery")
    with pytest.raises(ConfigError, match=r"recovery = .*lies in the lake"):
        require_outside("recovery", tmp_path / "lake" / "recovery", [tmp_path / "lake"])


def test_a_folder_of_its_own_holds_no_lake_and_is_no_file(lake: Path, tmp_path: Path) -> None:
    require_own_folder("DIR", tmp_path / "new" / "deep")
    (tmp_path / "there").mkdir()
    require_own_folder("DIR", tmp_path / "there")
    (tmp_path / "file").touch()
    for wrong, told in {
        lake.parent: f"holds the lake {lake}; name a folder of its own",
        lake / "new": "lies in the lake",
        tmp_path / "file": "is a file; name a folder",
        tmp_path / "file" / "new": "is a file; name a folder",
    }.items():
        with pytest.raises(ConfigError) as caught:
            require_own_folder("DIR", wrong)
        assert told in str(caught.value)
