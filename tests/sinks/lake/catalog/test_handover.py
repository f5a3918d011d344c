"""Hand-overs are kept in the catalog, one open at a time for whoever asks."""

import sqlite3

from sinks.lake.catalog.handover import (
    Handed,
    begin_handover,
    end_handover,
    handovers,
    note_state,
    open_handover,
)


def test_a_handover_is_open_until_it_is_ended_and_stays_known() -> None:
    connection = sqlite3.connect(":memory:")
    assert (handovers(connection), open_handover(connection)) == ([], None)
    begin_handover(connection, "one", "manifest", "{}")
    note_state(connection, "one", "further")
    assert open_handover(connection) == Handed("one", "manifest", "further", ended=False)
    end_handover(connection, "one")
    assert open_handover(connection) is None
    begin_handover(connection, "two", "manifest", "{}")
    assert [(each.job, each.ended) for each in handovers(connection)] == [("one", True), ("two", False)]
    connection.close()
