"""The lake's format as the doctor tells it, before and after it was taken over."""

import sqlite3

from doctor.finding import Severity
from doctor.lake_format import format_finding
from sinks.lake.catalog.format import FORMAT, this_version


def test_format_and_version_are_told_and_what_the_next_run_does_about_an_old_one() -> None:
    connection = sqlite3.connect(":memory:")
    found = format_finding(connection)
    assert found.severity is Severity.OK
    assert found.message == (
        f"format 0, last written by Tidemill 0.1.0 or earlier; the next run, compaction or erasure takes it over to "
        f"format {FORMAT}, and 0.1.0 or earlier cannot write it then"
    )
    connection.execute("CREATE TABLE own_format(format, version)")
    connection.execute("INSERT INTO own_format VALUES (?, '0.2.0')", (FORMAT,))
    found = format_finding(connection)
    assert found.message == f"format {FORMAT}, last written by Tidemill 0.2.0"
    assert found.details == {"format": FORMAT, "version": "0.2.0", "known": FORMAT, "running": this_version()}
    connection.close()
