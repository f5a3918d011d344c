"""A disk that is full while a data file, the catalog or the recovery store is written: small real file systems."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.chaos.stage import Stage

ROOM_BYTES = 24 * 2**20


def can_mount(folder: Path) -> bool:
    """Whether a tmpfs can be mounted here (root on Linux)."""
    place = folder / "try"
    place.mkdir(parents=True, exist_ok=True)
    try:
        with _small_disk(place):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def full_for_files(stage: Stage) -> None:
    """The lake's disk is full: the file cannot be written."""
    with _disk(stage, stage.lake) as disk:
        _fill_and_free(stage, disk, 5, "disk full while writing a data file", "Free space")


def full_for_catalog(stage: Stage) -> None:
    """Only the catalog's disk is full: data files lie on another one."""
    data = stage.folder / "data"
    data.mkdir()
    with _disk(stage, stage.lake) as disk:
        # the folder of the data files is elsewhere, so the catalog alone meets the end of the disk
        stage.expect_end(stage.start("--bounded", parallel=("1", "1")), 0)
        for entry in list((stage.lake / "main").iterdir()):
            subprocess.run(["cp", "-r", str(entry), str(data)], check=True)
        subprocess.run(["rm", "-r", str(stage.lake / "main")], check=True)
        (stage.lake / "main").symlink_to(data)
        _fill_and_free(stage, disk, 5, "disk full while writing the catalog", "disk is full")


def full_for_recovery(stage: Stage) -> None:
    """The recovery store's disk is full."""
    with _disk(stage, stage.recovery) as disk:
        _fill_and_free(stage, disk, 4, "disk full while writing the recovery store", "full")


def _fill_and_free(stage: Stage, disk: Path, code: int, label: str, words: str) -> None:
    with stage.reading(), stage.feed(rate=700):
        for _ in range(3 if stage.full else 1):
            subject = stage.start(parallel=stage.random.choice((("1", "1"), ("2", "1"))))
            stage.await_progress(subject, 3)
            with _ballast(disk):
                # so that there is something to be written
                stage.topic.write(300)
                stage.expect_end(subject, code, words)
                stage.count(label)
                # another start does no harm, and says the same or cannot even begin
                again = stage.start(parallel=("1", "1"))
                if again.wait(60) == 0:
                    stage.fail(f"a run ended well on a full disk: {again.said[-500:]}")
    stage.finish()


@contextmanager
def _disk(stage: Stage, place: Path) -> Iterator[Path]:
    stage.make_topic().write(300)
    place.mkdir()
    with _small_disk(place):
        yield place


@contextmanager
def _small_disk(place: Path) -> Iterator[None]:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "none", str(place)], check=True, capture_output=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


@contextmanager
def _ballast(disk: Path) -> Iterator[None]:
    """A file that takes all room that is left."""
    path = disk / "ballast"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):
            while True:
                os.write(handle, b"\0" * 65536)
        try:
            while True:
                os.write(handle, b"\0" * 512)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        yield
    finally:
        os.close(handle)
        path.unlink()
