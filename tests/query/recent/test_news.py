"""What the catalog tells of the way from one snapshot to a later one."""

from datetime import timedelta

from query.recent.news import LOST, course, new_rows_sql
from query.resolve import Resolved, Resolver
from query.scan import scan_sql
from query.snapshot import LakeSnapshot
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from tests.query.lakes import T0, LakeMaker, clicks
from tests.query.recent.growing import KEEP_ALL

DELTA = "ad_clicks_1m_delta"
VIEW = "SELECT 1"


def news(lake: LakeMaker, earlier: Resolved, later: Resolved) -> int:
    resolver = Resolver(lake.folder)
    sql = new_rows_sql(later.tables[DELTA], later.files[DELTA], earlier.snapshot.id, later.snapshot.id)
    if sql is None:
        return 0
    from query.reader import LakeReader

    with LakeReader(lake.folder) as reader, reader.snapshot(later.snapshot.id).connection() as connection:
        found: int = connection.execute(f"SELECT sum(clicks) FROM ({sql})").fetchall()[0][0]
    resolver.close()
    return found


def grow(lake: LakeMaker, count: int) -> Resolved:
    for _ in range(count):
        lake.commit({DELTA: [clicks("a", 0, 1)]})
    return Resolver(lake.folder).resolve(None)


def test_only_rows_of_later_commits_are_new_also_inside_merged_files(lake: LakeMaker) -> None:
    earlier = grow(lake, 5)
    later = grow(lake, 4)
    assert news(lake, earlier, later) == 4
    merged = compact(lake.catalog, [], clock=lambda: T0 + timedelta(hours=1), retention=KEEP_ALL)
    assert merged.merged_files
    now = Resolver(lake.folder).resolve(None)
    assert news(lake, earlier, now) == 4
    assert news(lake, later, now) == 0
    with Resolver(lake.folder).lend() as (catalog, _):
        assert course(catalog, earlier, now).only_grew(now.tables[DELTA], VIEW)


def test_the_way_is_lost_where_a_snapshot_between_is_gone_or_changed(lake: LakeMaker) -> None:
    earlier = grow(lake, 3)
    later = grow(lake, 3)
    with Resolver(lake.folder).lend() as (catalog, _):
        assert course(catalog, later, earlier) == LOST
        other = earlier._replace(snapshot=earlier.snapshot._replace(time=T0))
        assert course(catalog, other, later) == LOST
    thin = Retention(keep=timedelta(days=1), thin_after=timedelta(0), thin_every=timedelta(seconds=4))
    compact(lake.catalog, [], clock=lambda: T0 + timedelta(minutes=1), retention=thin)
    with Resolver(lake.folder).lend() as (catalog, _):
        assert course(catalog, earlier, later) == LOST


def test_a_table_that_lost_rows_did_not_only_grow(lake: LakeMaker) -> None:
    earlier = grow(lake, 2)
    number = earlier.tables[DELTA].id
    with lake.catalog.transaction():
        lake.catalog.snapshot(T0 + timedelta(hours=1), f"deleted_from_table:{number}", message="erasure")
    later = Resolver(lake.folder).resolve(None)
    with Resolver(lake.folder).lend() as (catalog, _):
        way = course(catalog, earlier, later)
    assert not way.only_grew(later.tables[DELTA], VIEW)
    assert way.only_grew(later.tables["campaign_1m_delta"], VIEW)


def test_what_retention_took_is_hidden_by_a_view_with_a_border(lake: LakeMaker) -> None:
    earlier = grow(lake, 2)
    number = earlier.tables[DELTA].id
    with lake.catalog.transaction():
        lake.catalog.snapshot(T0 + timedelta(hours=1), f"deleted_from_table:{number}", message="retention")
    later = Resolver(lake.folder).resolve(None)
    with Resolver(lake.folder).lend() as (catalog, _):
        way = course(catalog, earlier, later)
    assert not way.only_grew(later.tables[DELTA], VIEW)
    assert way.only_grew(later.tables[DELTA], f"{VIEW}\nWHERE merged.window_end > epoch_ms(5)")


def test_all_rows_are_new_to_who_knows_none(lake: LakeMaker) -> None:
    later = grow(lake, 2)
    table, files = later.tables[DELTA], later.files[DELTA]
    assert new_rows_sql(table, files, 0, later.snapshot.id) == scan_sql(table, files, later.snapshot.id)
    assert isinstance(LakeSnapshot, type)
