"""The lake remembers how far each way out has come, and keeps what is not sent yet."""

import sqlite3

from sinks.lake.catalog.deliveries import (
    Delivered,
    deliveries,
    forget_deliveries,
    held_snapshots,
    may_leave,
    note_delivery,
)


def test_what_was_noted_is_known_until_it_is_forgotten() -> None:
    connection = sqlite3.connect(":memory:")
    assert deliveries(connection) == {}
    assert held_snapshots(connection) == set()
    forget_deliveries(connection, ["x"])
    note_delivery(connection, "a", Delivered("alerts", 3, "t3"))
    note_delivery(connection, "b", Delivered("minutes", 5, "t5", 60_000))
    note_delivery(connection, "a", Delivered("alerts", 4, "t4"))
    assert deliveries(connection) == {
        "a": Delivered("alerts", 4, "t4"),
        "b": Delivered("minutes", 5, "t5", 60_000),
    }
    assert held_snapshots(connection) == {4, 5}
    forget_deliveries(connection, ["b", "c"])
    assert deliveries(connection).keys() == {"b"}
    connection.close()


def test_rows_may_leave_once_every_way_out_has_sent_them() -> None:
    sent = {"a": Delivered("minutes", 5, ""), "b": Delivered("minutes", 9, "", 1_000), "c": Delivered("other", 0, "")}
    assert may_leave(sent, "minutes", newest=5, before_ms=1_000)
    assert not may_leave(sent, "minutes", newest=6, before_ms=1_000)
    assert not may_leave(sent, "minutes", newest=5, before_ms=1_001)
    assert may_leave(sent, "nobody", newest=10**9, before_ms=10**15)
