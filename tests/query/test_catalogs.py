"""Handles on the catalog: one for each thread that reads, few that stay open, none of a lake that is gone."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from dataflow.errors import LakeError, LakeMissing
from query.catalogs import Catalogs
from tests.query.lakes import LakeMaker, clicks


def test_each_who_reads_at_the_same_time_has_a_handle_and_few_stay_open(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake:
        catalogs = Catalogs(lake.folder)
        with ExitStack() as stack:
            lent = [stack.enter_context(catalogs.lend())[0] for _ in range(12)]
            assert len({id(each) for each in lent}) == 12
        still_open = []
        for each in lent:
            try:
                each.latest()
                still_open.append(each)
            except LakeError:
                continue
        assert 1 <= len(still_open) <= 4
        with catalogs.lend() as (again, _):
            assert again in still_open
        catalogs.close()
        with pytest.raises(LakeError, match="closed"):
            again.latest()


def test_a_handle_sees_one_state_of_the_catalog_while_it_is_lent(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake:
        catalogs = Catalogs(lake.folder)
        with catalogs.lend() as (catalog, _):
            before = catalog.latest().id
            number = lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
            assert catalog.latest().id == before
        with catalogs.lend() as (catalog, _):
            assert catalog.latest().id == number
        catalogs.close()


def test_a_failure_while_a_handle_is_lent_leaves_it_fit_for_the_next(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake:
        catalogs = Catalogs(lake.folder)
        with pytest.raises(ValueError, match="mine"), catalogs.lend() as (first, _):
            raise ValueError("mine")
        with catalogs.lend() as (second, _):
            assert second is first
            assert second.latest().id >= 0
        catalogs.close()


def test_a_lake_that_was_exchanged_or_taken_away_is_noticed(tmp_path: Path) -> None:
    for name, commits in (("lake", 3), ("other", 1)):
        with LakeMaker(tmp_path / name) as lake:
            for _ in range(commits):
                lake.commit({"ad_clicks_1m_delta": [clicks("a", 0, 1)]})
    catalogs = Catalogs(tmp_path / "lake")
    with catalogs.lend() as (catalog, first):
        newest = catalog.latest().id
    (tmp_path / "lake").rename(tmp_path / "old")
    with pytest.raises(LakeMissing), catalogs.lend():
        pass
    (tmp_path / "other").rename(tmp_path / "lake")
    with catalogs.lend() as (catalog, second):
        assert second != first
        assert catalog.latest().id == newest - 2
    catalogs.close()
