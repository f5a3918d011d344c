"""The doctor on lakes with planted faults: each is found, named and given a fix, and nothing is changed."""

from collections.abc import Callable

import pytest

from doctor.finding import Severity, worst
from tests.doctor.examined import JOB, World, at


def test_a_sound_pipeline_has_no_finding_worse_than_ok(world: World) -> None:
    world.read("p", [at(-2), at(-1)], final=True)
    found = world.findings()
    assert worst(found.values()) is Severity.OK, found
    assert found["windows.per_ad"].message == "every window is final"
    assert found["pipeline.definition"].message == "the file is what filled the lake"
    assert found["run"].message == "no run holds the recovery folder; the last commit is 0 ms old"
    assert found["files.missing"].message.startswith("all 3 files")


CHANGES: list[tuple[str, Callable[[str], str], Severity, str]] = [
    ("max", lambda job: job.replace('idle_timeout="30s"', 'max_future="1m"'), Severity.WARNING, "has other rules"),
    ("new", lambda job: job.replace('Rollup("visits"', 'Rollup("more"'), Severity.WARNING, "adds rollup more"),
    ("rule", lambda job: job.replace('"5s"', '"1m"'), Severity.WARNING, "takes out_of_orderness from 5s to 1m"),
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


def test_an_examination_changes_no_file(world: World) -> None:
    world.read("p", [at(0)])
    before = {path: path.stat().st_mtime_ns for path in world.folder.rglob("*") if path.suffix != ".sqlite-shm"}
    world.findings()
    after = {path: path.stat().st_mtime_ns for path in world.folder.rglob("*") if path.suffix != ".sqlite-shm"}
    assert {path.name for path in after} == {path.name for path in before}
    assert [path for path in before if path.is_file() and after[path] != before[path] and "shm" not in path.name] == []
