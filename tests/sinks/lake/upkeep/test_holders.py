"""Which tables hold a condition's columns, and what cannot be told apart."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from dataflow.errors import ConfigError
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.definition import Definition, FieldDefinition
from sinks.lake.upkeep.holders import alerts_of, condition_schema, holders, keyed_tables
from tests.sinks.lake.small import small_plan, writer_for
from tests.sinks.lake.upkeep.people import condition, definition_of


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    writer_for(tmp_path / "lake", small_plan()).close()
    opened = Catalog.open(tmp_path / "lake")
    yield opened
    opened.close()


def held(catalog: Catalog, text: str) -> list[str]:
    return [each.table.name for each in holders(catalog, definition_of(catalog), condition(catalog, text))]


def test_events_dead_letters_and_side_tables_by_value_or_key_hold_rows(catalog: Catalog) -> None:
    both = ["events", "dead_letters"]
    sides = ["per_ad_exact_users_distinct", "visits_exact_users_distinct"]
    assert held(catalog, '"user" = 5') == [*both, *sides]
    assert held(catalog, "ad = 'a'") == [*both, *sides]
    assert held(catalog, "ad = 'a' AND \"user\" = 5") == [*both, *sides]
    assert held(catalog, "score = 1.5") == both


def test_a_side_table_that_holds_a_part_of_the_columns_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ConfigError, match="holds user and not score, so which of its rows are meant cannot be told"):
        held(catalog, '"user" = 5 AND score = 1.5')


def test_rollups_with_the_columns_as_keys_are_named(catalog: Catalog) -> None:
    definition = definition_of(catalog)
    assert list(keyed_tables(catalog, definition, condition(catalog, "ad = 'a'"))) == ["per_ad_delta", "visits_delta"]
    assert not keyed_tables(catalog, definition, condition(catalog, '"user" = 5'))


def test_a_condition_may_name_the_events_own_columns_and_in_an_old_lake_all() -> None:
    columns = [("id", "string"), ("cost", "decimal128(18, 6)"), ("day", "date32[day]"), ("campaign", "string")]
    new = Definition(columns=columns, event=[FieldDefinition(name, [name]) for name in ("id", "cost", "day")])
    assert condition_schema(new) == pa.schema(
        [("id", pa.string()), ("cost", pa.decimal128(18, 6)), ("day", pa.date32())]
    )
    assert condition_schema(Definition(columns=columns)).names == ["id", "cost", "day", "campaign"]


def test_an_older_file_without_the_column_matches_nothing(catalog: Catalog) -> None:
    (events, *_) = holders(catalog, definition_of(catalog), condition(catalog, "ad = 'a'"))
    assert events.matched(pa.table({"flag": [True, None]})).rows == 0
    assert events.matched(pa.table({"ad": ["a", None, "b"]})).mask.tolist() == [True, False, False]


def test_alerts_tell_a_value_as_a_key_or_as_what_was_counted(catalog: Catalog) -> None:
    keys = ['{"ad": "a", "user": 5}', '{"ad": "a", "user": 6}', '{"ad": "b"}', '{"flag": true}']
    values = ['{"n": 1}', '{"n": 1}', '{"first": "a"}', '{"n": 5}']
    rows = pa.table({"key": keys, "values": values})
    assert alerts_of(rows, condition(catalog, "ad = 'a'")) == 3
    assert alerts_of(rows, condition(catalog, "ad = 'a' AND \"user\" = 5")) == 1
    assert alerts_of(rows, condition(catalog, "ad = 'c'")) == 0
