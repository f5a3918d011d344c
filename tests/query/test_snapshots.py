"""The list of snapshots."""

from datetime import datetime
from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from query.reader import LakeReader
from query.snapshots import list_snapshots
from sinks.compact import compact
from sinks.expire import Retention
from tests.query.lakes import T0, LakeMaker, clicks, ledger


def test_each_snapshot_says_what_it_added_newest_first(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        first = lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)], "ledger": [ledger("p", 0, 5, T0)]})
        second = lake.commit(
            {
                "ad_clicks_1m_delta": [clicks("a", 0, 1), clicks("b", 0, 1)],
                "ledger": [ledger("p", 5, 6, T0), ledger("q", 7, 9, T0)],
            }
        )
        lines = list_snapshots(reader, limit=2)
        assert [line.id for line in lines] == [second, first]
        assert lines[0].time == lake.clock
        assert lines[0].rows == {"ad_clicks_1m_delta": 2, "ledger": 2}
        assert lines[0].offsets == {"p": (5, 6), "q": (7, 9)}
        assert lines[1].rows == {"ad_clicks_1m_delta": 1, "ledger": 1}
        assert "inserted_into_table" in lines[1].changes
        assert len(list_snapshots(reader, limit=1)) == 1
        assert list_snapshots(reader)[-1].id == 0
        with pytest.raises(ConfigError, match="--limit"):
            list_snapshots(reader, limit=0)


def test_merged_files_still_count_where_their_rows_were_added(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        for step in range(20):
            lake.commit({"ad_clicks_1m_delta": [clicks("a", step, 1)], "ledger": [ledger("p", step, step + 1, T0)]})
        before = {line.id: (line.rows, line.offsets) for line in list_snapshots(reader, limit=20)}

        def clock() -> datetime:
            return lake.clock

        report = compact(lake.catalog, [], clock=clock, retention=Retention())
        assert report.merged_files >= 16
        after = {line.id: (line.rows, line.offsets) for line in list_snapshots(reader, limit=40)}
        assert {number: after[number] for number in before} == before
