"""Room on the disks that a run writes to."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from doctor.disk import disk_finding
from doctor.finding import Severity
from tests.doctor.examined import World


@dataclass(frozen=True)
class Disk:
    f_frsize: int = 4096
    f_blocks: int = 100 * 2**18
    f_bavail: int = 50 * 2**18
    f_flag: int = 0


@pytest.mark.parametrize(
    ("disk", "severity"),
    [
        (Disk(), Severity.OK),
        (Disk(f_bavail=9 * 2**18), Severity.WARNING),
        (Disk(f_blocks=4 * 2**18, f_bavail=2**18 - 1), Severity.WARNING),
        (Disk(f_blocks=4 * 2**18, f_bavail=25_599), Severity.ERROR),
        (Disk(f_flag=os.ST_RDONLY), Severity.ERROR),
    ],
)
def test_low_disks_are_told_before_they_are_full(world: World, disk: Disk, severity: Severity) -> None:
    found = world.findings(statvfs=lambda path: disk)
    assert (found["disk.lake"].severity, found["disk.recovery"].severity) == (severity, severity)


def test_a_folder_that_is_not_there_yet_is_looked_for_where_it_will_be_made(tmp_path: Path) -> None:
    asked: list[Path] = []

    def statvfs(path: Path) -> Disk:
        asked.append(path)
        return Disk()

    found = disk_finding("lake", tmp_path / "not" / "yet", statvfs)
    assert asked == [tmp_path]
    assert (found.check, found.severity) == ("disk.lake", Severity.OK)
    assert found.message == f"50 GiB free (50%) where {tmp_path / 'not' / 'yet'} is"


def test_a_disk_of_no_size_is_not_divided_by(tmp_path: Path) -> None:
    room = Disk(f_blocks=0, f_bavail=2**20)
    assert disk_finding("lake", tmp_path, lambda _: room).severity is Severity.OK
