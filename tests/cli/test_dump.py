"""`tidemill dump` as a user runs it."""

from pathlib import Path

import pytest

from tests.cli.started import Tidemill
from tests.query.lakes import T0, LakeMaker, ledger


def test_every_table_is_a_file_of_canonical_text(tidemill: Tidemill, lake: LakeMaker, tmp_path: Path) -> None:
    number = lake.commit({"ledger": [ledger("p", 2, 4, T0)]})
    code, out, err = tidemill("dump", str(tmp_path / "out"))
    assert (code, out) == (0, "")
    files = list((tmp_path / "out").iterdir())
    assert err == f"snapshot {number}: {len(files)} files in {tmp_path / 'out'}\n"
    assert "*,4,4,0,0,0" in (tmp_path / "out" / "counts.csv").read_text()


def test_an_older_snapshot_gives_the_text_of_its_time(tidemill: Tidemill, lake: LakeMaker, tmp_path: Path) -> None:
    before = lake.catalog.head().id
    tidemill("dump", str(tmp_path / "one"))
    lake.commit({"ledger": [ledger("p", 2, 4, T0)]})
    tidemill("dump", str(tmp_path / "two"), "--as-of", str(before))
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two


def content(folder: Path) -> dict[str, int]:
    return {
        str(path): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.suffix not in (".sqlite-wal", ".sqlite-shm") and path.is_file()
    }


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("lake", "lies in the lake"),
        ("lake/main/events", "lies in the lake"),
        ("lake/new", "lies in the lake"),
        ("other/new", "lies in the lake"),
        (".", "holds the lake"),
        ("file", "is a file; name a folder"),
        ("taken", "holds dead.csv of something else"),
    ],
)
def test_a_place_that_cannot_be_the_dumps_own_is_refused_before_anything_is_written(
    tidemill: Tidemill, tmp_path: Path, target: str, told: str
) -> None:
    LakeMaker(tmp_path / "other").catalog.close()
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "dead.csv").mkdir(parents=True)
    before = content(tmp_path)
    code, out, err = tidemill("dump", str(tmp_path / target))
    assert (code, out) == (2, "")
    assert err.startswith("error: DIR = ")
    assert told in err
    assert err.count("\n") == 1
    assert content(tmp_path) == before
