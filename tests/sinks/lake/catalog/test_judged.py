"""Up to where rules have judged, in a catalog."""

import sqlite3

from sinks.lake.catalog.judged import forget_judged, judged, note_judged


def test_what_was_judged_is_known_until_it_is_forgotten() -> None:
    connection = sqlite3.connect(":memory:")
    assert judged(connection) == {}
    note_judged(connection, {"a": 5, "b": -(2**63)})
    note_judged(connection, {"a": 7})
    assert judged(connection) == {"a": 7, "b": -(2**63)}
    forget_judged(connection, ["b", "c"])
    assert judged(connection) == {"a": 7}
    connection.close()
