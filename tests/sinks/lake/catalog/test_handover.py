"""Hand-overs are kept in the catalog, one open at a time for whoever asks."""

import sqlite3

import pytest

from dataflow.errors import Fenced
from sinks.lake.catalog.handover import (
    Handed,
    begin_handover,
    end_handover,
    handovers,
    job_of,
    lineage_of,
    note_state,
    open_handover,
)


def test_a_handover_is_open_until_it_is_ended_and_stays_known() -> None:
    connection = sqlite3.connect(":memory:")
    assert (handovers(connection), open_handover(connection)) == ([], None)
    connection.execute("CREATE TABLE own_pipeline (name, incarnation, lineage)")
    connection.execute("INSERT INTO own_pipeline VALUES ('ads', 4, 'own')")
    begin_handover(connection, "ads", Handed("one", "manifest", "{}", ended=False))
    (lineage,) = connection.execute("SELECT lineage FROM own_pipeline WHERE incarnation = 5").fetchone()
    assert (lineage, job_of(lineage), job_of("own")) == (lineage_of("one"), "one", None)
    note_state(connection, "one", "{}", "further")
    for before, job in (("{}", "one"), ("further", "two")):
        with pytest.raises(Fenced, match="has gone on with the job"):
            note_state(connection, job, before, "elsewhere")
    assert open_handover(connection) == Handed("one", "manifest", "further", ended=False)
    end_handover(connection, "one")
    with pytest.raises(Fenced, match="or handed the lake back"):
        note_state(connection, "one", "further", "elsewhere")
    assert open_handover(connection) is None
    (lineage,) = connection.execute("SELECT lineage FROM own_pipeline").fetchone()
    assert job_of(lineage) is None
    begin_handover(connection, "ads", Handed("two", "manifest", "{}", ended=False))
    assert [(each.job, each.ended) for each in handovers(connection)] == [("one", True), ("two", False)]
    connection.close()
