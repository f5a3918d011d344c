"""Recovery folder and lake seen together."""

import os
import shutil

from doctor.finding import Severity
from runtime.recovery_folder import RecoveryFolder
from runtime.stalls import StallRecord, Stalls
from sinks.lake.catalog.handover import Handed, begin_handover
from sinks.lake.tables.prepare import open_lake
from tests.doctor.examined import JOB, World, at


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


def test_a_lake_that_flink_fills_is_no_mistake(world: World) -> None:
    world.read("p", [at(0)])
    with open_lake(world.settings.lake, world.plan, world.now).transaction() as connection:
        begin_handover(connection, world.plan.name, Handed("clicks", "{}", "{}", ended=False))
    found = world.findings()["recovery.agrees"]
    assert found.severity is Severity.OK
    assert found.message.startswith("the Flink job clicks fills the lake")
    assert found.details["job"] == "clicks"


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
