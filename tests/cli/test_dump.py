"""`tidemill dump` as a user runs it."""

from pathlib import Path

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
