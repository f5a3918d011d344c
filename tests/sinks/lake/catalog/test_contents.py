"""What source partitions are known by is kept in the catalog, the newest word of each."""

import sqlite3

from dataflow.messages import Range
from sinks.lake.catalog.contents import contents, note_contents


def test_the_newest_word_counts_and_none_changes_nothing() -> None:
    connection = sqlite3.connect(":memory:")
    assert contents(connection) == {}
    note_contents(connection, [Range("ads/0", "ads", 0, 1)])
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    note_contents(connection, [Range("a", None, 0, 1, content="one"), Range("b", None, 0, 1, content="b")])
    note_contents(connection, [Range("a", None, 1, 2, content="two"), Range("b", None, 1, 2)])
    assert contents(connection) == {"a": "two", "b": "b"}
    connection.close()
