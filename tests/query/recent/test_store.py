"""Tables in memory live as long as somebody holds them."""

from pathlib import Path

from query.engine import Engine
from query.recent.store import PLACE, Store


def names(store: Store) -> list[str]:
    told = f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{PLACE}' ORDER BY ALL"
    return [name for (name,) in store.cursor.execute(told).fetchall()]


def test_a_table_goes_when_nobody_holds_it(tmp_path: Path) -> None:
    store = Store(Engine(tmp_path))
    kept, other = store.table("SELECT 1 AS n"), store.table("SELECT * FROM range(3)")
    assert (kept.rows, other.rows) == (1, 3)
    del other
    store.sweep()
    assert names(store) == [kept.name]
    assert store.add(kept, "SELECT * FROM range(5)") == 5
    assert store.size_bytes() > 0


def test_after_a_close_tables_are_made_anew(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    store = Store(engine)
    store.table("SELECT 1 AS n")
    store.close()
    engine.close()
    made = store.table("SELECT 2 AS n")
    assert names(store) == [made.name]
