"""What leaves the lake as the doctor tells it: how far it has come, and what stands in the way."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from doctor.deliveries import delivery_finding
from doctor.finding import Severity
from runtime.delivery_mark import Undelivered
from sinks.lake.catalog.deliveries import Delivered, note_delivery
from tests.emit.lakes import product

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_each_state_of_the_ways_out_is_told(tmp_path: Path) -> None:
    ways = product(tmp_path, {}).plan.emits[:2]
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE ducklake_snapshot(snapshot_id BIGINT)")
    connection.execute("INSERT INTO ducklake_snapshot VALUES (9)")
    found = delivery_finding(connection, ways, {}, running=False)
    assert found.severity is Severity.WARNING
    assert found.message == "not all is sent of minutes.final.f, minutes.every_commit.n"
    for way, snapshot in zip(ways, (7, 9), strict=True):
        note_delivery(connection, way.name, Delivered("minutes", snapshot, "t"))
    found = delivery_finding(connection, ways, {}, running=True)
    assert found.severity is Severity.OK
    assert found.message == "2 ways out, all sent up to snapshot 7 at least"
    trouble = {ways[0].name: Undelivered("no broker answers", NOW)}
    found = delivery_finding(connection, ways, trouble, running=True)
    assert found.severity is Severity.ERROR
    assert "minutes.final.f since 2026-01-01 00:00:00" in found.message
    assert "no broker answers" in found.message
    assert delivery_finding(connection, ways, trouble, running=False).severity is Severity.WARNING
    connection.close()
