"""The files of a table, read by a DuckDB that knows nothing of the lake."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from dataflow.errors import QueryError
from dataflow.pipeline.tables import tables_of
from query.reader import LakeReader, LakeSnapshot
from query.table_files import paths_of, select_of
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from tests.query.lakes import LakeMaker, clicks

TABLE = "ad_clicks_1m_delta"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with LakeMaker(tmp_path / "a lake's") as maker:
        yield maker


def fill(lake: LakeMaker, commits: int) -> list[int]:
    return [lake.commit({TABLE: [clicks("a", at, 1), clicks("b", at, 2)]}) for at in range(commits)]


def merge(lake: LakeMaker) -> None:
    later = lake.clock + timedelta(minutes=1)
    done = compact(
        lake.catalog,
        tables_of(lake.plan, events=True),
        clock=lambda: later,
        retention=Retention(grace=timedelta(hours=1)),
    )
    assert done.merged_files > 0


def asked(snapshot: LakeSnapshot) -> list[dict[str, object]]:
    return snapshot.query(f"SELECT * FROM {TABLE}").to_pylist()


def rows(sql: str) -> list[tuple[object, ...]]:
    return sorted(duckdb.execute(sql).fetchall(), key=repr)


def test_the_select_gives_the_rows_of_the_lake_at_every_snapshot_before_and_after_a_compaction(lake: LakeMaker) -> None:
    snapshots = fill(lake, 12)
    stray = lake.folder / "main" / TABLE / "ads-lake-9-9-abc.parquet"
    (file,) = list(stray.parent.glob("*.parquet"))[:1]
    stray.write_bytes(file.read_bytes())
    partial = 0
    for merged in (False, True):
        if merged:
            merge(lake)
        with LakeReader(lake.folder) as reader:
            for number in (*snapshots, reader.snapshot().id):
                snapshot = reader.snapshot(number)
                wanted = sorted(map(tuple, (row.values() for row in asked(snapshot))), key=repr)
                assert len(wanted) == 2 * len([each for each in snapshots if each <= number])
                assert rows(select_of(snapshot, TABLE)) == wanted
                if any((file.partial_max or 0) > number for file in snapshot.files(TABLE)):
                    with pytest.raises(QueryError, match="take --format sql"):
                        paths_of(snapshot, TABLE)
                    partial += 1
                    continue
                paths = paths_of(snapshot, TABLE)
                assert str(stray) not in paths
                columns = ", ".join(column.name for column in snapshot.tables[TABLE].columns)
                assert rows(f"SELECT {columns} FROM read_parquet({paths}, union_by_name=true)") == wanted
    assert partial > 0
    with LakeReader(lake.folder) as reader:
        assert paths_of(reader.snapshot(), TABLE)


def test_a_table_without_rows_has_no_files_and_a_select_with_its_columns(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        assert paths_of(reader.snapshot(), TABLE) == []
        found = duckdb.execute(select_of(reader.snapshot(), TABLE))
        assert found.fetchall() == []
        assert [column[0] for column in found.description or ()] == [
            column.name for column in reader.snapshot().tables[TABLE].columns
        ]


def test_a_view_and_an_unknown_name_are_told_what_to_ask_for(lake: LakeMaker) -> None:
    with LakeReader(lake.folder) as reader:
        for name, told in {
            "ad_clicks_1m": "ad_clicks_1m is a view: .* adds up those of ad_clicks_1m_delta; name one of them",
            "ad_clicks_1m_delt": "has no table ad_clicks_1m_delt at snapshot .*; did you mean ad_clicks_1m_delta?",
        }.items():
            with pytest.raises(QueryError, match=told):
                paths_of(reader.snapshot(), name)
            with pytest.raises(QueryError, match=told):
                select_of(reader.snapshot(), name)
