"""The lake's format and the version that wrote it last: does the next start of a run take it over?"""

import sqlite3

from doctor.finding import Finding, ok
from sinks.lake.catalog.format import FORMAT, format_of, this_version

CHECK = "lake.format"


def format_finding(connection: sqlite3.Connection) -> Finding:
    """One finding, never worse than ok: a lake of a later version cannot be examined at all."""
    found = format_of(connection)
    details = {"format": found.number, "version": found.version, "known": FORMAT, "running": this_version()}
    by = "0.1.0 or earlier" if found.version is None else found.version
    told = f"format {found.number}, last written by Tidemill {by}"
    if found.number < FORMAT:
        told += f"; the next run, compaction or erasure takes it over to format {FORMAT}, and {by} cannot write it then"
    return ok(CHECK, told, **details)
