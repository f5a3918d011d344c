"""The doctor on lakes with planted faults: each is found, named and given a fix, and nothing is changed."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from doctor.finding import Severity, worst
from runtime.recovery_folder import RecoveryFolder
from runtime.stalls import StallRecord, Stalls
from tests.doctor.examined import JOB, NOON, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.writer.close()


def at(minute: int, second: int = 0) -> datetime:
    return NOON + timedelta(minutes=minute, seconds=second)


def test_a_sound_pipeline_has_no_finding_worse_than_ok(world: World) -> None:
    world.read("p", [at(-2), at(-1)], finished=True)
    found = world.findings()
    assert worst(found.values()) is Severity.OK, found
    assert found["windows.per_ad"].message == "every window is final"
    assert found["pipeline.definition"].message == "the file is what filled the lake"
    assert found["run"].message == "no run holds the recovery folder; the last commit is 0 ms old"
    assert found["files.missing"].message.startswith("all 3 files")


def test_an_idle_partition_is_named_as_left_out(world: World) -> None:
    world.read("q", [at(-50)])
    world.after(190)
    world.read("p", [at(1)])
    found = world.findings()["windows.per_ad"]
    assert found.severity is Severity.OK
    assert "the oldest 2026-11-25 12:01:00 to 2026-11-25 12:02:00 (open)" in found.message
    assert "idle partition q since 2026-11-25 12:00:00 (left out after 30s)" in found.message
    assert "partition p stands at 2026-11-25 12:00:55 and makes it final with an event of 2026-11-25 12:02:14.999" in (
        found.message
    )


def test_a_partition_far_behind_holds_the_windows_of_all(world: World) -> None:
    world.read("p", [at(0)])
    world.read("q", [at(-40)])
    found = world.findings()["windows.per_ad"]
    assert found.severity is Severity.WARNING
    assert "partition q is 40 min behind the others (its watermark is 2026-11-25 11:19:55)" in found.message
    assert found.details["held_by"] == ["q"]
    assert found.details["open"] == 2


def test_a_partition_without_a_valid_event_holds_everything(world: World) -> None:
    world.read("p", [at(0)])
    world.read("q", [None, None])
    found = world.findings()
    assert "partition q has had no valid event yet (2 records read, 2 of them dead letters)" in (
        found["windows.per_ad"].message
    )
    assert found["windows.per_ad"].fix is not None
    assert "dead_letters WHERE partition = 'q'" in found["windows.per_ad"].fix
    assert "partition q has none yet" in found["watermark"].message


def test_when_all_are_idle_the_furthest_decides(world: World) -> None:
    world.read("p", [at(0)])
    world.read("q", [at(-3)])
    world.after(60)
    found = world.findings()["windows.per_ad"]
    assert "no partition has had records for 30s (the last at 2026-11-25 12:00:00), so the furthest decides" in (
        found.message
    )
    assert found.details["held_by"] == ["p"]
    assert found.details["open"] == 1


@pytest.mark.parametrize("events", [True, False])
def test_an_event_from_the_future_is_found_by_its_offset(world: World, events: bool) -> None:
    world.read("p", [at(-1), at(0)])
    world.read("p", [at(0, 1), at(600), at(0, 2)])
    world.read("p", [at(0, 3)])
    if not events:
        (world.settings.lake / "main" / "events").rename(world.folder / "gone")
        world.writer._catalog.connection.execute(
            "UPDATE ducklake_table SET end_snapshot = 1 WHERE table_name = 'events'"
        )
    found = world.findings()
    future = found["future_event.p"]
    assert future.severity is Severity.WARNING
    where = "offset 3 of p" if events else "offsets [2, 5) of p"
    assert future.message.startswith(f"an event from the future at {where} (2026-11-25 22:00:00, 10 h ahead")
    assert "moved its watermark to 2026-11-25 21:59:55" in future.message
    assert f"an event from the future at {where} moved its watermark" in found["windows.per_ad"].message


def test_a_closed_window_that_still_takes_corrections_is_said_to_be_closed(world: World) -> None:
    world.read("p", [at(-1), at(0, 6)])
    found = world.findings()["windows.per_ad"]
    assert "the oldest 2026-11-25 11:59:00 to 2026-11-25 12:00:00 (closed, open for corrections)" in found.message


def test_an_orphan_file_is_named_with_its_age(world: World) -> None:
    world.read("p", [at(0)], finished=True)
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


def test_the_recovery_folder_of_another_lake_is_told(world: World) -> None:
    world.read("p", [at(0)])
    shutil.rmtree(world.settings.recovery)
    found = world.findings()["recovery.agrees"]
    assert found.severity is Severity.ERROR
    assert "there is no recovery folder" in found.message
    assert not world.settings.recovery.exists()
    RecoveryFolder(world.settings.recovery).create()
    found = world.findings()["recovery.agrees"]
    assert found.severity is Severity.ERROR
    assert "is not the one that filled the lake" in found.message
    assert found.fix is not None
    assert "tidemill recover --from-lake" in found.fix


def test_a_store_that_cannot_be_read_is_told(world: World) -> None:
    world.read("p", [at(0)])
    (world.settings.recovery / "part-0.sqlite3").write_bytes(b"no database" * 500)
    found = world.findings()["recovery.store"]
    assert found.severity is Severity.ERROR
    assert "file is not a database" in found.message


def test_a_run_that_stood_still_is_told_for_a_day(world: World) -> None:
    world.read("p", [at(0)])
    StallRecord(world.settings.recovery, 7).write(Stalls(2, world.now, "partition p, position 1"))
    world.after(3600)
    found = world.findings()["run"]
    assert found.severity is Severity.WARNING
    assert "stood still" in found.message
    assert "restart 2 in a row (partition p, position 1)" in found.message
    world.after(86_400)
    assert world.findings()["run"].severity is Severity.OK


def test_a_run_is_seen_by_its_lock_and_not_disturbed(world: World) -> None:
    world.read("p", [at(0)])
    world.recovery.lock()
    world.after(75)
    found = world.findings()["run"]
    assert found.message == f"process {os.getpid()} runs this pipeline; the last commit is 1.2 min old"
    world.recovery.unlock()
    assert world.findings()["run"].details["running"] is False
    RecoveryFolder(world.settings.recovery).lock()


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


def test_a_clock_that_was_set_back_is_told(world: World) -> None:
    world.read("p", [at(0)], finished=True)
    world.after(-3600)
    found = world.findings()["clock.lake"]
    assert found.severity is Severity.WARNING
    assert "is 1 h ahead of this machine's clock (2026-11-25 11:00:00): the clock was set back" in found.message


CHANGES: list[tuple[str, Callable[[str], str], Severity, str]] = [
    ("max", lambda job: job.replace('idle_timeout="30s"', 'max_future="1m"'), Severity.WARNING, "has other rules"),
    ("new", lambda job: job.replace('Rollup("visits"', 'Rollup("more"'), Severity.WARNING, "adds rollup more"),
    ("size", lambda job: job.replace('tumble("1m")', 'tumble("2m")'), Severity.ERROR, "rollup per_ad: window was"),
    ("name", lambda job: job.replace('"small"', '"other"'), Severity.ERROR, "the file defines 'other'"),
]


@pytest.mark.parametrize(("change", "severity", "said"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_a_pipeline_file_that_is_not_what_filled_the_lake_is_told(
    world: World, change: Callable[[str], str], severity: Severity, said: str
) -> None:
    world.read("p", [at(0)])
    (world.folder / "job.py").write_text(change(JOB))
    found = world.findings()["pipeline.definition"]
    assert found.severity is severity
    assert said in found.message


def test_a_pipeline_file_that_does_not_run_is_a_finding_and_the_lake_is_still_examined(world: World) -> None:
    world.read("p", [at(0)])
    (world.folder / "job.py").write_text("1 / 0\n")
    found = world.findings()
    assert "ZeroDivisionError" in found["pipeline"].message
    assert found["windows.per_ad"].details["open"] == 1


def test_files_of_the_source_that_are_new_or_gone_are_told(world: World) -> None:
    world.read("p", [at(0)])
    (world.folder / "in" / "q.ndjson").touch()
    found = world.findings()["source.partitions"]
    assert (found.severity, found.details) == (Severity.WARNING, {"new": ["q"], "gone": [], "ended": []})
    (world.folder / "in" / "p.ndjson").unlink()
    found = world.findings()["source.partitions"]
    assert (found.severity, found.details["gone"]) == (Severity.ERROR, ["p"])
    shutil.rmtree(world.folder / "in")
    assert world.findings()["source"].severity is Severity.ERROR


def test_many_files_call_for_compaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doctor.lake_files.MANY_FILES", 2)
    for minute in range(3):
        world.read("p", [at(minute)])
    found = world.findings()["files.count"]
    assert found.severity is Severity.WARNING
    assert found.fix is not None
    assert "tidemill compact" in found.fix


def test_no_lake_and_a_foreign_file_in_its_place_are_findings(world: World) -> None:
    empty = world.folder / "empty"
    world.use(lake=empty, recovery=world.folder / "none")
    found = world.findings()
    assert found["lake"].severity is Severity.WARNING
    assert found["recovery.agrees"].severity is Severity.OK
    assert not empty.exists()
    empty.mkdir()
    (empty / "catalog.sqlite").write_bytes(b"no database" * 500)
    assert world.findings()["lake"].severity is Severity.ERROR


def test_remembered_ids_that_are_gone_are_told(world: World) -> None:
    world.read("p", [at(0)])
    job = JOB.replace("out_of", 'deduplicate_by="ad", deduplicate_within="1m", out_of')
    (world.folder / "job.py").write_text(job)
    assert world.findings()["recovery.dedup"].severity is Severity.ERROR
    folder = world.recovery.dedup_folder("p")
    folder.mkdir(parents=True)
    (folder / "1.ids").write_bytes(b"x" * 48)
    assert world.findings()["recovery.dedup"].message == "remembered ids of 1 source partition take 48 bytes"
    (world.folder / "job.py").write_text(JOB)
    assert world.findings()["recovery.dedup"].severity is Severity.WARNING


def test_an_examination_changes_no_file(world: World) -> None:
    world.read("p", [at(0)])
    before = {path: path.stat().st_mtime_ns for path in world.folder.rglob("*") if path.suffix != ".sqlite-shm"}
    world.findings()
    after = {path: path.stat().st_mtime_ns for path in world.folder.rglob("*") if path.suffix != ".sqlite-shm"}
    assert {path.name for path in after} == {path.name for path in before}
    assert [path for path in before if path.is_file() and after[path] != before[path] and "shm" not in path.name] == []
