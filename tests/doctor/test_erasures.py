"""Erasures as the doctor tells them: rows gone on purpose, and one that was cut short."""

import sqlite3

from doctor.erasures import erasure_finding
from doctor.finding import Severity
from sinks.lake.catalog.erasures import ErasedRows, finish_erasures, note_erasure


def test_erasures_are_told_and_one_that_was_cut_short_is_an_error() -> None:
    connection = sqlite3.connect(":memory:")
    assert erasure_finding(connection).severity is Severity.OK
    assert erasure_finding(connection).message == "no row was ever erased"
    note_erasure(connection, "2026-11-25 12:00:00.000000+00", 5, ["user"], [ErasedRows("events", "p", 3, ((0, 3),))])
    found = erasure_finding(connection)
    assert found.severity is Severity.ERROR
    assert "was cut short" in found.message
    assert found.fix == "run the same tidemill erase again: it finishes"
    finish_erasures(connection)
    found = erasure_finding(connection)
    assert found.severity is Severity.OK
    assert found.message.endswith("rows that are gone on purpose: events 3")
    connection.close()
