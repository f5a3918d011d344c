"""The list of snapshots."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dataflow.errors import ConfigError, LakeError, SnapshotExpired
from query.reader import LakeReader, LakeSnapshot
from query.snapshots import list_snapshots
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.tiers import FAN_IN
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


def test_a_snapshot_that_was_thinned_out_is_told_with_those_kept_before_and_after_it(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        numbers = [lake.commit({"ledger": [ledger("p", place, place + 1, T0)]}) for place in range(9)]
        held = {number: reader.snapshot(number) for number in numbers}
        lake.clock += timedelta(minutes=1)
        retention = Retention(
            keep=timedelta(seconds=65), thin_after=timedelta(seconds=1), thin_every=timedelta(seconds=4),
            grace=timedelta(0),
        )  # fmt: skip
        compact(lake.catalog, list(lake.specs.values()), clock=lambda: lake.clock, retention=retention)
        kept = {line.id: line.time for line in list_snapshots(reader)}
        gone = next(number for number in numbers if number > min(kept) and number not in kept)
        before, after = max(n for n in kept if n < gone), min(n for n in kept if n > gone)
        neighbours = f"thinned out.* {before} \\({kept[before]:%Y-%m-%d %H:%M:%S} UTC\\) before it and {after} "
        with pytest.raises(LakeError, match=f"no snapshot {gone} any more: .*{neighbours}"):
            reader.snapshot(gone)
        first = min(kept)
        with pytest.raises(LakeError, match=f"no snapshot {first - 1} any more: it expired.* oldest .* is {first} "):
            reader.snapshot(first - 1)
        # one that is held goes on until its files are gone, and then says so
        compact(
            lake.catalog,
            list(lake.specs.values()),
            clock=lambda: lake.clock + timedelta(seconds=1),
            retention=retention,
        )
        with pytest.raises(SnapshotExpired, match=re.escape(f"snapshot {gone} has been expired")):
            held[gone].query("SELECT * FROM ledger")


def test_a_question_whose_snapshot_expires_while_it_is_asked_is_asked_again_at_a_newer_one(tmp_path: Path) -> None:
    retention = Retention(keep=timedelta(0), grace=timedelta(0))
    asked: list[int] = []
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})

        def ask(snapshot: LakeSnapshot) -> object:
            asked.append(snapshot.id)
            if len(asked) == 1:
                for _ in range(FAN_IN):
                    lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
                for _ in range(2):
                    lake.clock += timedelta(seconds=1)
                    compact(lake.catalog, list(lake.specs.values()), clock=lambda: lake.clock, retention=retention)
            return snapshot.query("SELECT sum(clicks)::BIGINT AS n FROM ad_clicks_1m").to_pylist()

        assert reader.ask(ask) == [{"n": 1 + FAN_IN}]
        assert len(asked) == 2
        assert asked[0] < asked[1] == reader.snapshot().id
