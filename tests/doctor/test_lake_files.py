"""The lake's files against its catalog: missing, cut short, left behind, too many."""

import os

import pytest

from doctor.finding import Severity
from tests.doctor.examined import NOON, World, at


def test_an_orphan_file_is_named_with_its_age(world: World) -> None:
    world.read("p", [at(0)], final=True)
    orphan = world.delta_file().with_name("small-lake-0000000001-0-abcdef.parquet")
    orphan.write_bytes(b"x" * 2048)
    os.utime(orphan, (NOON.timestamp() - 7200,) * 2)
    found = world.findings()["files.orphans"]
    assert found.severity is Severity.WARNING
    assert found.message.startswith("1 file left behind (2.0 KiB, 2 h old)")
    assert found.details["orphans"] == [f"main/per_ad_delta/{orphan.name}"]
    staged = orphan.rename(orphan.with_name("small-lake-0000000009-1-abcdef.parquet"))
    assert world.findings()["files.orphans"].message == "1 file staged for the next commit"
    assert staged.exists()


@pytest.mark.parametrize("cut", [True, False])
def test_a_missing_or_cut_file_is_an_error_and_hides_nothing_else(world: World, cut: bool) -> None:
    world.read("p", [at(0)])
    path = world.delta_file()
    os.truncate(path, 10) if cut else path.unlink()
    found = world.findings()
    assert found["files.missing"].severity is Severity.ERROR
    assert f"main/per_ad_delta/{path.name}" in found["files.missing"].message
    assert found["windows.per_ad"].severity is Severity.ERROR
    assert found["windows.visits"].severity is Severity.OK
    assert "clock.lake" in found


def test_many_files_call_for_compaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doctor.lake_files.MANY_FILES", 2)
    for minute in range(3):
        world.read("p", [at(minute)])
    found = world.findings()["files.count"]
    assert found.severity is Severity.WARNING
    assert found.fix is not None
    assert "tidemill compact" in found.fix
