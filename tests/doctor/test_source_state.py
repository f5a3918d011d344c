"""The source as the doctor sees it without a broker; beside one: test_kafka."""

import shutil

from doctor.finding import Severity
from doctor.source_state import reading_finding
from tests.doctor.examined import World, at


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


def test_a_client_that_can_only_be_read_slowly_is_a_warning_with_the_reason() -> None:
    assert reading_finding(None).severity is Severity.OK
    found = reading_finding("librdkafka has no rd_kafka_opaque")
    assert found.severity is Severity.WARNING
    assert "librdkafka has no rd_kafka_opaque" in found.message
    assert "confluent-kafka" in found.message
    assert found.fix is not None
    assert "requirements.txt" in found.fix
