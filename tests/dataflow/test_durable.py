"""Files that are there as a whole or not at all."""

import errno
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dataflow.durable import create, create_all, place, replace, write_all

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked to be kept: names of files and folders, in order, with what the file held then."""
    told: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        told.append(f"{path.name}/" if path.is_dir() else f"{path.name}={path.read_text()}")
        real(handle)

    monkeypatch.setattr("os.fsync", fsync)
    return told


def test_a_new_file_is_kept_before_its_name_and_its_folder_before_it(tmp_path: Path, synced: list[str]) -> None:
    path = tmp_path / "new" / "file"
    create(path, memoryview(b"content"), written=lambda: synced.append("written"))
    assert path.read_bytes() == b"content"
    assert synced == [f"{tmp_path.name}/", "written", "file=content", "new/"]


def test_content_that_is_put_in_a_place_is_there_whole_under_its_own_name_alone(
    tmp_path: Path, synced: list[str]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"cut sh")
    place(path, b"content", tmp_path / "file.partial", written=lambda: synced.append("written"))
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"content"
    assert synced == ["written", "file.partial=content", f"{tmp_path.name}/", f"{tmp_path.name}/"]


def test_several_new_files_are_written_first_and_then_kept_together_each_folder_once(
    tmp_path: Path, synced: list[str]
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    files = [(tmp_path / name, memoryview(b"content")) for name in ("a/1", "b/2", "a/3")]
    create_all(files, written=lambda: synced.append("written"))
    assert synced == [*["written"] * 3, "1=content", "2=content", "3=content", "a/", "b/"]
    assert [path.read_bytes() for path, _ in files] == [b"content"] * 3


def test_where_one_of_several_files_is_refused_no_part_of_any_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    new = (tmp_path / "new", memoryview(b"new"))
    with pytest.raises(FileExistsError) as there:
        create_all([new, (tmp_path / "old", memoryview(b"anew"))])
    assert there.value.filename == str(tmp_path / "old")
    real = os.fsync

    def full(handle: int) -> None:
        if os.readlink(f"/proc/self/fd/{handle}").endswith("/second"):
            raise OSError(errno.ENOSPC, "full")
        real(handle)

    monkeypatch.setattr("os.fsync", full)
    with ThreadPoolExecutor(2) as threads, pytest.raises(OSError, match="full") as refused:
        create_all([new, (tmp_path / "second", memoryview(b"second"))], at_once=threads.map)
    assert refused.value.filename == str(tmp_path / "second")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"old": b"old"}


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        create(path, memoryview(b"new"))
    assert path.read_bytes() == b"old"


def test_a_disk_that_refuses_keeps_no_part_of_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="full"):
        create(tmp_path / "file", memoryview(b"content"))
    assert list(tmp_path.iterdir()) == []


def test_a_crash_inside_leaves_what_was_written(tmp_path: Path) -> None:
    def crash() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create(tmp_path / "file", memoryview(b"content"), written=crash)
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_text_takes_the_place_of_another_only_when_it_is_kept(
    tmp_path: Path, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "seed.json"
    path.write_text("old")
    seen: list[str] = []
    real = os.replace

    def renamed(source: Path, target: Path) -> None:
        seen.extend([*synced, path.read_text()])
        real(source, target)

    monkeypatch.setattr("os.replace", renamed)
    replace(path, "neu: ä")
    assert seen == ["seed.json.tmp=neu: ä", "old"]
    assert synced[1:] == [f"{tmp_path.name}/"]
    assert (path.read_text(encoding="utf-8"), list(tmp_path.iterdir())) == ("neu: ä", [path])


def test_a_hint_is_replaced_at_once_and_costs_no_wait_for_the_disk(tmp_path: Path, synced: list[str]) -> None:
    path = tmp_path / "hint"
    replace(path, "one", durable=False, suffix=".7")
    replace(path, "two", durable=False, suffix=".7")
    assert (path.read_text(), synced) == ("two", [])


def test_a_file_that_takes_little_at_a_time_gets_all_the_same() -> None:
    class Slow:
        content = b""

        def write(self, data: memoryview, /) -> int:
            self.content += bytes(data[:3])
            return min(3, len(data))

    slow = Slow()
    write_all(slow, memoryview(b"0123456789"))
    assert slow.content == b"0123456789"


def test_nothing_else_in_the_product_renames_into_place_or_keeps_names_by_itself() -> None:
    own = re.compile(r"os\.replace\(|O_RDONLY\)\n.*\n?.*os\.fsync")
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in (
            "dataflow",
            "sinks",
            "query",
            "runtime",
            "proof",
            "doctor",
            "starter",
            "emit",
            "serve",
            "flink",
            "spark",
            "cli",
        )
        for path in (ROOT / folder).rglob("*.py")
        if own.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"dataflow/durable.py"}
