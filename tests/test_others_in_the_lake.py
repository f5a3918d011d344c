"""Whatever other DuckLake clients keep beside our tables, neither side changes for the other."""

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from query.reader import LakeReader
from tests.ducklake_client import ducklake_query
from tests.proof.audited import tidemill, write_input
from tests.sinks.lake.small_lake import ROWS, Lake, clicks

pytestmark = pytest.mark.ducklake

_VALUES = {
    "i8": "(n % 100)::TINYINT",
    "u64": "(n + 9000000000000000000)::UBIGINT",
    "i128": "n::HUGEINT * 1000000000000000000000",
    "f32": "n::FLOAT / 3",
    "money": "n::DECIMAL(38, 10)",
    "text": "'text ' || n",
    "bytes": "('b' || n)::BLOB",
    "tz": "TIMESTAMPTZ '2026-01-02 03:04:05.678+00' + to_hours(n::INTEGER)",
    "s": "('2026-01-02 03:04:05'::TIMESTAMP + to_hours(n::INTEGER))::TIMESTAMP_S",
    "ms": "('2026-01-02 03:04:05.678'::TIMESTAMP + to_hours(n::INTEGER))::TIMESTAMP_MS",
    "ns": "'2026-01-02 03:04:05.678901234'::TIMESTAMP_NS",
    "us": "TIMESTAMP '2026-01-02 03:04:05.678901' + to_hours(n::INTEGER)",
    "clock": "TIME '03:04:05.678'",
    "day": "DATE '2026-01-02' + n::INTEGER",
    "span": "to_days(n::INTEGER)",
    "flag": "n % 2 = 0",
    "id": "('00000000-0000-0000-0000-' || lpad(n::VARCHAR, 12, '0'))::UUID",
    "doc": "('{\"n\": ' || n || '}')::JSON",
    "shape": "{'a': n, 'b': ['x', NULL]}",
    "pairs": "MAP {'k': n}",
    "list": "[n, NULL]",
    "lists": "[[n], []]",
}
"""A column of every type, of a row number n."""

_CHANGES = (
    "DELETE FROM {t} WHERE n % 3 = 1",
    "UPDATE {t} SET n = n + 1000 WHERE n % 5 = 2",
    "INSERT INTO {t}(n) VALUES (-1)",
    "ALTER TABLE {t} ADD COLUMN later INTEGER DEFAULT 42",
    "ALTER TABLE {t} RENAME COLUMN n TO m",
    "CALL ducklake_flush_inlined_data('lake')",
)


@st.composite
def _tables(draw: st.DrawFn) -> dict[str, list[str]]:
    """Name of each of their tables -> the statements that make it; small ones stay inside the catalog."""
    names = draw(
        st.lists(
            st.sampled_from(["main.notes", 'main."t t"', "archive.events", "archive.ledger", "archive.per_ad_delta"]),
            min_size=2,
            max_size=3,
            unique=True,
        )
    )
    made: dict[str, list[str]] = {}
    for name in names:
        chosen = draw(st.lists(st.sampled_from(sorted(_VALUES)), min_size=3, max_size=12, unique=True))
        columns = ", ".join(f'{_VALUES[each]} AS "{each}"' for each in chosen)
        sizes = draw(st.lists(st.sampled_from([1, 4, 40]), min_size=1, max_size=10))
        made[f"lake.{name}"] = [
            f"CREATE TABLE lake.{name} AS SELECT n, {columns} FROM range({sizes[0]}) r(n)",
            *(f"INSERT INTO lake.{name} SELECT n, {columns} FROM range({size}) r(n)" for size in sizes[1:]),
        ]
    return made


def _contents(tables: dict[str, Any]) -> list[str]:
    """Questions whose answers are all that the tables and views hold, and that a filter finds their rows."""
    asked = [f"SELECT COLUMNS(*)::VARCHAR FROM {name} ORDER BY ALL" for name in [*tables, "lake.archive.per_ad"]]
    for name, statements in tables.items():
        if ' AS "tz"' in statements[0]:
            asked.append(f"SELECT count(*) FROM {name} WHERE tz >= TIMESTAMPTZ '2026-01-02 05:00:00+00'")
        if ' AS "ms"' in statements[0]:
            asked.append(f"SELECT count(*) FROM {name} WHERE ms < '2026-01-02 20:00:00'::TIMESTAMP_MS")
    return asked


@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(_tables(), st.data())
def test_tables_of_every_type_are_the_same_before_and_after_all_that_we_do(
    tables: dict[str, list[str]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder) / "lake")
        lake.run(2)
        first = ["CREATE SCHEMA lake.archive", *(sql for statements in tables.values() for sql in statements)]
        lake.theirs(*first, "CREATE VIEW lake.archive.per_ad AS SELECT 42 AS clicks")
        lake.run(6)
        lake.compact()
        changes: list[str] = []
        for name in tables:
            # what names the column n, before what renames it
            chosen = data.draw(st.lists(st.sampled_from(_CHANGES), max_size=3, unique=True))
            changes += [sql.format(t=name) for sql in sorted(chosen, key=_CHANGES.index)]
        questions = _contents(tables)
        before = ducklake_query(lake.folder, [*changes, *questions], writable=True)[len(changes) :]
        # each run takes the lake over from the one before, as recover does
        lake.run(6)
        lake.clean()
        lake.run(2)
        lake.clean()
        ours = [f'SELECT count(*), sum("offset") FROM {name}' for name in ("lake.main.events",)]
        ours += ["SELECT sum(clicks) FROM lake.main.per_ad_delta", "SELECT sum(clicks) FROM lake.main.per_ad"]
        after = ducklake_query(lake.folder, [*questions, *ours])
        assert after[: len(before)] == before
        rows = 16 * ROWS
        assert after[len(before) :] == [[[rows, rows * (rows - 1) // 2]], [[clicks(16)]], [[clicks(16)]]]
        with LakeReader(lake.folder) as reader:
            assert reader.query("SELECT sum(clicks)::INT AS n FROM per_ad").to_pylist() == [{"n": clicks(16)}]
            shown = reader.query("SHOW TABLES").column("name").to_pylist()
            assert {re.sub(r'lake\.main\.|"', "", name) for name in tables if ".main." in name} < set(shown)


def test_every_command_works_beside_a_copy_of_all_tables_and_leaves_it_as_it_is(tmp_path: Path) -> None:
    write_input(tmp_path / "input")

    def command(*arguments: str) -> str:
        done = tidemill(tmp_path, *arguments, source="files", input="input", compact_every="0s")
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    command("run", "--bounded")
    names = ("events", "ledger", "late_events", "per_ad_delta", "per_ad_users_distinct")
    copies = [f"CREATE TABLE lake.archive.{name} AS SELECT * FROM lake.main.{name}" for name in names]
    ducklake_query(
        tmp_path / "lake",
        [
            "CREATE SCHEMA lake.archive",
            "CALL lake.set_option('data_inlining_row_limit', 0)",
            *copies,
            "CREATE VIEW lake.archive.per_ad AS SELECT 42 AS n",
            "CREATE TABLE lake.main.notes AS SELECT INTERVAL 1 DAY AS span, {'a': 1} AS shape",
        ],
        writable=True,
    )
    questions = [f"SELECT COLUMNS(*)::VARCHAR FROM lake.archive.{name} ORDER BY ALL" for name in (*names, "per_ad")]
    questions.append("SELECT COLUMNS(*)::VARCHAR FROM lake.main.notes")
    before = ducklake_query(tmp_path / "lake", questions)
    total = command("query", "SELECT sum(n) AS n, sum(spend) AS spend FROM per_ad", "--format", "csv")
    more = (tmp_path / "input" / "left.ndjson").read_text().replace('"l', '"m').replace("1700000", "1700001")
    (tmp_path / "input" / "more.ndjson").write_text(more)
    command("run", "--bounded")
    command("compact", "--grace", "0s", "--retain", "0s")
    command("recover", "--from-lake")
    command("run", "--bounded")
    assert "proven: every record" in command("audit")
    assert "notes" in command("query", "SHOW TABLES")
    assert command("query", "SELECT n FROM archive.per_ad", "--format", "csv").split() == ["n", "42"]
    assert command("query", "SELECT sum(n) AS n, sum(spend) AS spend FROM per_ad", "--format", "csv") != total
    assert ducklake_query(tmp_path / "lake", questions) == before
    doctor = tidemill(tmp_path, "doctor", source="files", input="input")
    assert doctor.returncode in (0, 1), doctor.stdout
    assert "archive" not in doctor.stdout
