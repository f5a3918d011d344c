"""Which rules have held in a lake, and from which offsets on, as the doctor tells it."""

from datetime import timedelta

from dataflow.pipeline.load import load
from doctor.finding import Finding, Severity
from tests.doctor.examined import JOB, World


def read(world: World, partition: str, count: int) -> None:
    world.after(60)
    world.read(partition, [world.now - timedelta(seconds=1)] * count, rules=world.plan.rules)


def go_by(world: World, job: str) -> None:
    (world.folder / "job.py").write_text(job)
    world.plan = load(world.settings.pipeline)


def found(world: World) -> Finding:
    return world.findings()["rules"]


def test_a_lake_whose_rules_never_changed_says_so(world: World) -> None:
    assert found(world).message == "all records were judged by the same rules"
    read(world, "p", 2)
    world.read("p", [world.now])
    assert (found(world).severity, found(world).message) == (Severity.OK, "all records were judged by the same rules")


def test_each_change_is_told_with_its_offsets_and_when_it_came(world: World) -> None:
    # as an earlier version wrote them
    world.read("p", [world.now] * 2)
    world.read("q", [world.now] * 3)
    go_by(world, JOB.replace('"5s"', '"1m"'))
    read(world, "p", 1)
    read(world, "q", 1)
    go_by(world, JOB.replace('"10s"', '"1h"', 1))
    read(world, "p", 4)
    told = found(world)
    assert told.severity is Severity.OK
    assert told.message == (
        "out_of_orderness was 5s and is 1m from p offset 2, q offset 3 on (2026-11-25 12:01:00); "
        "out_of_orderness was 1m and is 5s from p offset 3 on (2026-11-25 12:03:00); "
        "allowed_lateness of rollup per_ad was 10s and is 1h from p offset 3 on (2026-11-25 12:03:00)"
    )
    assert told.details["changes"][0] == {"rule": "out_of_orderness", "was": "5s", "is": "1m", "from": {"p": 2, "q": 3}}
