"""The recovery folder: created once, locked by one run, named by its lineage."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow.errors import RecoveryError
from runtime.recovery_folder import STORE, RecoveryFolder, store_failure


def test_a_new_folder_gets_a_store_and_a_lineage_of_its_own(tmp_path: Path) -> None:
    first, second = RecoveryFolder(tmp_path / "a"), RecoveryFolder(tmp_path / "b")
    assert first.create() != second.create()
    assert RecoveryFolder(tmp_path / "a").exists
    assert not RecoveryFolder(tmp_path / "c").exists
    assert first.lineage == RecoveryFolder(tmp_path / "a").lineage


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RecoveryError, match=r"thesis\.txt.*--recovery"):
        RecoveryFolder(tmp_path).create()
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_store_whose_making_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path)
    folder.create()
    (tmp_path / "lineage").unlink()
    for left in ("part-0.sqlite3-wal", "part-0.sqlite3-shm", "lineage.tmp"):
        (tmp_path / left).touch()
    assert not folder.exists
    folder.create()
    assert folder.exists


def test_the_lineage_of_a_missing_folder_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(RecoveryError, match=r"tidemill recover --from-lake"):
        _ = RecoveryFolder(tmp_path / "none").lineage


def test_a_second_run_on_the_same_folder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first, second = RecoveryFolder(tmp_path), RecoveryFolder(tmp_path)
    first.lock()
    with pytest.raises(RecoveryError, match=f"in use by process {os.getpid()};"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


def test_processes_of_one_run_hold_locks_of_their_own(tmp_path: Path) -> None:
    one, two = RecoveryFolder(tmp_path), RecoveryFolder(tmp_path)
    one.lock(0)
    two.lock(1)
    assert one.holder() == str(os.getpid())
    for process in (0, 1):
        with pytest.raises(RecoveryError, match="in use by process"):
            RecoveryFolder(tmp_path).lock(process)
    (tmp_path / "lock-2").write_text("half a li")
    (tmp_path / "lock-prepare").touch()
    assert one.holders() == [os.getpid()] * 2
    one.unlock()
    other = RecoveryFolder(tmp_path)
    other.lock(0)
    with pytest.raises(RecoveryError, match="in use by process"):
        RecoveryFolder(tmp_path).lock(1)
    other.unlock()
    assert two.holder() == str(os.getpid())
    two.unlock()
    assert two.holder() is None


def test_the_other_processes_are_those_that_hold_the_folder_now(tmp_path: Path) -> None:
    own = RecoveryFolder(tmp_path)
    own.lock(0)
    (tmp_path / "lock-2").write_text("1")
    hold = "import fcntl, os, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); f.write(str(os.getpid()))"
    other = subprocess.Popen(
        [sys.executable, "-c", f"{hold}; f.flush(); print(flush=True); input()", str(tmp_path / "lock-1")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        assert own.others() == [other.pid]
        other.stdin.close()
    assert own.others() == []
    own.unlock()


def test_seed_states_survive_and_are_empty_without_a_take_over(tmp_path: Path) -> None:
    plain, seeded = RecoveryFolder(tmp_path / "a"), RecoveryFolder(tmp_path / "b")
    plain.create()
    seeded.create()
    seeded.write_seed({"clicks/0": {"version": 1, "next": 7, "hint": None, "judge": {}}})
    assert plain.seed() == {}
    assert seeded.seed()["clicks/0"]["next"] == 7


def test_bytewaxs_words_for_a_broken_store_become_ours(tmp_path: Path) -> None:
    words = (
        "(src/run.rs:167:13) called `Result::unwrap()` on an `Err` value: SqliteFailure(Error { code: DiskFull, "
        'extended_code: 13 }, Some("database or disk is full"))'
    )
    told = store_failure(RuntimeError(words), tmp_path)
    assert isinstance(told, RecoveryError)
    assert str(tmp_path) in str(told)
    assert "database or disk is full" in str(told)
    wrapped = RuntimeError("a worker died")
    wrapped.__cause__ = RuntimeError("SqliteFailure(Error { code: SystemIoFailure, extended_code: 778 }, None)")
    assert "SystemIoFailure" in str(store_failure(wrapped, tmp_path))
    assert store_failure(RuntimeError("something else"), tmp_path) is None


def test_a_scrubbed_store_holds_no_byte_of_what_was_deleted_and_one_in_use_is_left_alone(tmp_path: Path) -> None:
    folder = RecoveryFolder(tmp_path)
    folder.create()
    store = sqlite3.connect(tmp_path / STORE, isolation_level=None)
    for sql in ("CREATE TABLE notes(a TEXT)", "INSERT INTO notes VALUES ('the-secret')", "DELETE FROM notes"):
        store.execute(sql)
    store.close()
    run = RecoveryFolder(tmp_path)
    run.lock()
    with pytest.raises(RecoveryError, match="in use by process"):
        folder.scrub()
    run.unlock()
    folder.scrub()
    assert [path.name for path in tmp_path.iterdir() if b"the-secret" in path.read_bytes()] == []
    assert folder.holder() is None
