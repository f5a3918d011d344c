"""By which rules the last records of each source partition were judged."""

import sqlite3
from pathlib import Path

from dataflow.rules import Rules
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.rules import Standing, standings, write_down_rules
from sinks.lake.writer import commit
from tests.sinks.lake.small import parcel, small_plan, writer_for

PLAN = small_plan()
OTHER = Rules(1, 2, 3, (("per_ad", 4),))


def test_they_are_those_of_the_last_records_and_not_of_a_heartbeat(tmp_path: Path) -> None:
    writer = writer_for(tmp_path, PLAN)
    catalog = Catalog.look(tmp_path)
    commit(writer, [parcel(PLAN, 0, 0, 3, rules=PLAN.rules), parcel(PLAN, 0, 0, 2, partition="t/1")], 1)
    assert standings(catalog.connection) == {"t/0": Standing(3, PLAN.rules), "t/1": Standing(2, None)}
    commit(writer, [parcel(PLAN, 0, 3, 3, rules=OTHER), parcel(PLAN, 0, 2, 2, partition="t/1", rules=OTHER)], 2)
    assert standings(catalog.connection) == {"t/0": Standing(3, PLAN.rules), "t/1": Standing(2, None)}
    commit(writer, [parcel(PLAN, 0, 3, 4, rules=OTHER), parcel(PLAN, 0, 2, 3, partition="t/1", rules=OTHER)], 3)
    assert standings(catalog.connection) == {"t/0": Standing(4, OTHER), "t/1": Standing(3, OTHER)}
    catalog.close()
    writer.close()


def test_an_older_lake_gets_the_column_once_and_tells_none_until_then() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute('CREATE TABLE own_offset("partition" TEXT PRIMARY KEY, next INTEGER)')
    connection.execute("INSERT INTO own_offset VALUES ('t/0', 5)")
    assert standings(connection) == {"t/0": Standing(5, None)}
    write_down_rules(connection)
    write_down_rules(connection)
    assert standings(connection) == {"t/0": Standing(5, None)}
    connection.close()
