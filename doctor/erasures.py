"""Rows that were erased on purpose, and erasures that were cut short: what they replaced may still be on disk."""

import sqlite3
from collections import Counter

from dataflow.spoken import counted, listed, moment
from doctor.finding import Finding, error, ok
from sinks.lake.catalog.erasures import erasures

CHECK = "erasures"


def erasure_finding(connection: sqlite3.Connection) -> Finding:
    """One finding for all erasures: an error where one was not finished, as the promise does not hold until then."""
    found = erasures(connection)
    rows: Counter[str] = Counter()
    for each in found:
        rows.update(each.rows)
    details = {
        "erasures": [
            {"at": each.at.isoformat(), "snapshot": each.snapshot, "columns": each.columns, "rows": each.rows}
            for each in found
        ]
    }
    unfinished = [each for each in found if not each.finished]
    if unfinished:
        at = moment(unfinished[-1].at)
        return error(
            CHECK,
            f"the erasure of {at} was cut short: its rows are out of the tables, files with them may still be there",
            "run the same tidemill erase again: it finishes",
            **details,
        )
    if not found:
        return ok(CHECK, "no row was ever erased", **details)
    tables = listed([f"{name} {count:,}" for name, count in sorted(rows.items())])
    told = (
        f"{counted(len(found), 'erasure')}, the last at {moment(found[-1].at)}; rows that are gone on purpose: {tables}"
    )
    return ok(CHECK, told, **details)
