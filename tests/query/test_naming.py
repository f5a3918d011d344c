"""Which names a question means, and the views behind them."""

from pathlib import Path

import pytest

from dataflow.errors import QueryError
from query.ends import LedgerEnds
from query.engine import Engine
from query.naming import Naming
from query.resolve import Resolver
from tests.query.lakes import LakeMaker, clicks


def naming(folder: Path, *, whole: bool = True) -> tuple[Naming, Engine]:
    engine = Engine(folder)
    return Naming(Resolver(folder).resolve(None, None), engine.namespace(), LedgerEnds(), whole=whole), engine


def test_a_question_means_the_names_in_it_and_what_their_views_stand_on(lake: LakeMaker) -> None:
    found, _ = naming(lake.folder)
    assert found.needed("SELECT count(*) FROM LEDGER") == ({"ledger"}, True)
    names, is_named = found.needed("SELECT clicks FROM ad_clicks_1m")
    # the ends stand for the ledger, which only tells what is final
    assert (names, is_named) == ({"ad_clicks_1m", "ad_clicks_1m_delta"}, True)
    names, _ = naming(lake.folder, whole=False)[0].needed("SELECT clicks FROM ad_clicks_1m")
    assert names == {"ad_clicks_1m", "ad_clicks_1m_delta", "ledger"}


@pytest.mark.parametrize("sql", ["SHOW TABLES", "SELECT 1", "SELECT * FROM duckdb_views()", "FROM nobody"])
def test_a_question_that_names_nothing_or_asks_about_all_means_all(lake: LakeMaker, sql: str) -> None:
    names, is_named = naming(lake.folder)[0].needed(sql)
    assert not is_named
    assert {"ledger", "events", "ad_clicks_1m"} <= names


def test_names_are_made_once_and_answer(lake: LakeMaker) -> None:
    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2)]})
    engine = Engine(lake.folder)
    namespace = engine.namespace()
    found = Naming(Resolver(lake.folder).resolve(None, None), namespace, LedgerEnds(), whole=True)
    with namespace.cursor() as cursor:
        names, _ = found.needed("SELECT clicks FROM ad_clicks_1m")
        for _ in range(2):
            found.make(cursor, names)
        assert cursor.execute("SELECT clicks FROM ad_clicks_1m").fetchall() == [(2,)]
    assert namespace.has("ad_clicks_1m")
    assert not namespace.has("events")


def test_a_table_that_another_client_changed_is_refused_by_its_name(lake: LakeMaker) -> None:
    resolved = Resolver(lake.folder).resolve(None, None)._replace(foreign=frozenset({"ledger"}))
    engine = Engine(lake.folder)
    found = Naming(resolved, engine.namespace(), LedgerEnds(), whole=True)
    found.require_readable("events")
    with pytest.raises(QueryError, match="another DuckLake client deleted rows of table ledger"):
        found.require_readable("ledger")
