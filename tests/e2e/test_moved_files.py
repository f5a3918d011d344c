"""Real runs over files that are renamed, rotated, moved and packed: each record once, and the lake stays proven."""

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL

EVENT = '{"event_id":"%s","event_time":1764000000000,"event_type":"click","ad_id":"ad-0001","cost":1.0}\n'
FILES = ("--pipeline", str(ROOT / "pipelines" / "ads.py"), "--source", "files", "--input", "in")

pytestmark = pytest.mark.timeout(600)


class Folder:
    """A working folder with input files; commands run in it to their end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.input = path / "in"
        self.input.mkdir()

    def write(self, name: str, *ids: str) -> Path:
        """Add events to a file."""
        path = self.input / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(EVENT % each for each in ids)
        return path

    def call(self, *command: str, code: int = 0, **more: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TIDEMILL_COMPACT_EVERY": "0s", **more}
        done = subprocess.run(
            [*TIDEMILL, *command, *FILES],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "panicked" not in done.stderr
        return done.stdout + done.stderr

    def run(self, *more: str, code: int = 0) -> str:
        return self.call("run", "--bounded", *more, code=code)

    def ids(self) -> list[str]:
        """The events of the lake, each as often as it is there."""
        with LakeReader(self.path / "lake") as reader:
            return list(reader.query("SELECT event_id FROM events ORDER BY 1").column(0).to_pylist())

    def partitions(self) -> list[str]:
        with LakeReader(self.path / "lake") as reader:
            rows = reader.query('SELECT DISTINCT "partition" FROM ledger ORDER BY 1')
            return list(rows.column(0).to_pylist())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_months_rotations_moves_and_packing_count_each_record_once_and_stay_proven(folder: Folder) -> None:
    folder.write("jan/part-00000.ndjson", "j1", "j2", "j3")
    app = folder.write("app.ndjson", "o1", "o2")
    folder.run()
    folder.write("feb/part-00000.ndjson", "f1", "f2", "f3", "f4", "f5")
    folder.write("app.ndjson", "o3")
    app.rename(folder.input / "app.1.ndjson")
    folder.write("app.ndjson", "n1", "n2")
    folder.run("--processes", "2")
    everything = ["f1", "f2", "f3", "f4", "f5", "j1", "j2", "j3", "n1", "n2", "o1", "o2", "o3"]
    assert folder.ids() == everything
    names = folder.partitions()
    assert [name.partition("~")[0] for name in names] == ["app", "app", "part-00000", "part-00000"]
    # all that was read goes to another folder, one of it packed
    shutil.move(folder.input / "jan", folder.path / "done")
    rotated = folder.input / "app.1.ndjson"
    (folder.input / "app.1.ndjson.gz").write_bytes(gzip.compress(rotated.read_bytes()))
    rotated.unlink()
    folder.run()
    assert folder.ids() == everything
    shutil.move(folder.path / "done", folder.input / "again")
    assert "proven" in folder.call("audit")
    folder.call("replay", "--check", "--workers", "2")
    shutil.rmtree(folder.path / "recovery")
    folder.call("recover", "--from-lake")
    folder.write("app.ndjson", "n3")
    folder.run()
    assert folder.ids() == sorted([*everything, "n3"])
    assert folder.partitions() == names
    assert "proven" in folder.call("audit")


def test_a_file_that_was_changed_where_it_was_read_stops_a_run_with_one_message(folder: Folder) -> None:
    path = folder.write("a.ndjson", "a1", "a2", "a3")
    folder.run()
    path.write_text(path.read_text().replace("a2", "xx"))
    told = folder.run("--log-level", "warning", code=3)
    assert told.count("\n") <= 4
    assert "in/a.ndjson was read as source partition a" in " ".join(told.split())
    assert folder.ids() == ["a1", "a2", "a3"]


@pytest.mark.parametrize("fault", ["after_snapshot:2", "before_commit:2", "in_commit:3", "after_commit:3"])
def test_a_file_that_is_renamed_after_a_crash_is_the_same_file(folder: Folder, fault: str) -> None:
    ids = [f"a{number:04}" for number in range(2000)]
    path = folder.write("a.ndjson", *ids)
    fine = ("--batch-records", "50", "--max-epoch-bytes", "65536", "--epoch-ms", "10")
    folder.call("run", *fine, code=-9, TIDEMILL_FAULT=fault)
    path.rename(folder.write("more/b.ndjson"))
    folder.write("more/b.ndjson", "b")
    folder.write("a.ndjson", "other")
    folder.run()
    assert folder.ids() == [*ids, "b", "other"]
