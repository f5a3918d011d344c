from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.pipeline.tables import tables_of
from sinks.lake.tables.finality import frontier_sql
from sinks.lake.tables.views import kept_from, shown_after_ms, views_of
from sinks.lake.writer import commit
from tests.ducklake_client import ducklake_query, plain
from tests.sinks.lake.reading import ask, lake_connection
from tests.sinks.lake.small import Clock, at, parcel, per_ad_row, small_plan, writer_for

PLAN = small_plan()
GAMMA = 1.01 / 0.99


def visit(ad: str | None, first: int, last: int, clicks: int, *, late: int = 0) -> dict[str, Any]:
    """A partial session of events from `first` to `last` (s); with clicks 0, a row that was late at `first`."""
    return {
        "ad": ad,
        "window_start": at(first * 1000),
        "window_end": at(last * 1000 + 10_000),
        "clicks": clicks,
        "half_buckets": [20_001] if clicks else [],
        "half_counts": [clicks] if clicks else [],
        "row_count": clicks,
        "late_count": late,
    }


def user(ad: str | None, start: int, end: int, value: int) -> dict[str, Any]:
    return {"ad": ad, "window_start": at(start * 1000), "window_end": at(end * 1000), "value": value}


def fill(folder: Path, *epochs: Mapping[str, Sequence[Mapping[str, Any]]], clock: Clock | None = None) -> None:
    writer = writer_for(folder, PLAN, clock=clock)
    for epoch, tables in enumerate(epochs, start=1):
        commit(writer, [parcel(PLAN, 0, epoch, epoch + 1, tables=tables)], epoch)
    writer.close()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs: null keys, corrections, late rows, sketches, sessions that a later epoch joins."""
    folder = tmp_path_factory.mktemp("views") / "lake"
    hist = {"half_buckets": [-20_011, 0, 20_006], "half_counts": [1, 1, 1]}
    fill(
        folder,
        {
            "per_ad_delta": [
                per_ad_row("a", 0, 3, users=[1, 2], **hist),
                per_ad_row(None, 0, 1, users=[7]),
                per_ad_row("late only", 0, 0, late_count=2),
            ],
            "per_ad_exact_users_distinct": [user("a", 0, 60, 1), user("a", 0, 60, 2), user(None, 0, 60, 7)],
            "visits_delta": [visit("a", 0, 5, 2), visit("a", 26, 30, 3), visit(None, 0, 0, 1), visit("b", 0, 0, 1)],
            "visits_exact_users_distinct": [user("a", 0, 15, 1), user("a", 26, 40, 1), user(None, 0, 10, 7)],
        },
        {
            "per_ad_delta": [
                per_ad_row("a", 0, 2, users=[2, 9], half_buckets=[20_006], half_counts=[2], late_count=1),
                per_ad_row(None, 0, 4),
                per_ad_row("a", 1, 1),
            ],
            "per_ad_exact_users_distinct": [user("a", 0, 60, 2), user("a", 0, 60, 9)],
            # exactly `gap` after the last one still joins, and so do the two sessions it lies between
            "visits_delta": [
                visit("a", 15, 16, 1),
                visit("b", 10, 10, 1),
                visit("b", 21, 21, 1),
                visit("a", 4, 4, 0, late=1),
            ],
            "visits_exact_users_distinct": [user("a", 15, 26, 2)],
        },
        {"visits_delta": [visit("a", 500, 500, 0, late=1), visit("b", 20, 20, 0, late=3)]},
    )
    return folder


PER_AD = "SELECT ad, epoch_ms(window_start), clicks, spend, cost_avg, users, half, exact_users, late_count FROM per_ad"
VISITS = "SELECT ad, epoch_ms(window_start), epoch_ms(window_end), clicks, exact_users, half, late_count FROM visits"
ORDER = " ORDER BY ad NULLS FIRST, window_start"
ONE = 2 * GAMMA**0 / (GAMMA + 1)


def test_deltas_of_a_key_and_window_become_one_row(lake: Path) -> None:
    assert ask(lake, PER_AD + ORDER) == [
        (None, 0, 5, Decimal("2.5"), 0.5, 1, None, 1, 0),
        ("a", 0, 5, Decimal("2.5"), 0.5, 3, pytest.approx(2 * GAMMA**5 / (GAMMA + 1)), 3, 1),
        ("a", 60_000, 1, Decimal("0.5"), 0.5, 0, None, 0, 0),
    ]


def test_sessions_are_the_gap_merge_of_all_partial_sessions(lake: Path) -> None:
    assert ask(lake, VISITS + ORDER) == [
        (None, 0, 10_000, 1, 1, pytest.approx(ONE), 0),
        ("a", 0, 40_000, 6, 2, pytest.approx(ONE), 1),
        ("b", 0, 20_000, 2, 0, pytest.approx(ONE), 0),
        ("b", 21_000, 31_000, 1, 0, pytest.approx(ONE), 0),
    ]


def test_a_view_as_of_an_earlier_commit_shows_what_was_known_then(lake: Path) -> None:
    assert ask(lake, "SELECT clicks FROM visits WHERE ad = 'a' ORDER BY window_start", as_of=2) == [(2,), (3,)]


def test_negative_zero_and_positive_values_are_ordered_in_a_quantile(lake: Path) -> None:
    assert ask(lake, "SELECT half FROM per_ad WHERE ad = 'a' AND window_start = '1970-01-01'", as_of=2) == [(0.0,)]


@pytest.mark.ducklake
@pytest.mark.parametrize("sql", [PER_AD, VISITS, "SELECT ad, is_final FROM per_ad", "SELECT ad, is_final FROM visits"])
def test_the_official_client_shows_the_same_views(lake: Path, sql: str) -> None:
    assert ducklake_query(lake, [sql + ORDER]) == [plain(ask(lake, sql + ORDER))]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 60), st.integers(0, 30), st.integers(1, 3)),
        max_size=25,
    )
)
def test_sessions_equal_a_merge_by_hand(parts: list[tuple[str | None, int, int, int]]) -> None:
    with lake_connection_of(parts) as connection:
        got = connection.execute(
            "SELECT ad, epoch_ms(window_start) // 1000, epoch_ms(window_end) // 1000, clicks FROM visits"
        ).fetchall()
    expected: list[tuple[Any, ...]] = []
    for ad in {part[0] for part in parts}:
        sessions: list[list[int]] = []
        for _, first, length, clicks in sorted((p for p in parts if p[0] == ad), key=lambda p: p[1]):
            if sessions and first <= sessions[-1][1]:
                sessions[-1][1] = max(sessions[-1][1], first + length + 10)
                sessions[-1][2] += clicks
            else:
                sessions.append([first, first + length + 10, clicks])
        expected += [(ad, *session) for session in sessions]
    assert sorted(got, key=str) == sorted(expected, key=str)


def lake_connection_of(parts: list[tuple[str | None, int, int, int]]) -> Any:
    """DuckDB with the view over partial sessions in memory."""
    connection = duckdb.connect()
    for spec in tables_of(PLAN, events=True):
        rows = [visit(ad, first, first + length, clicks) for ad, first, length, clicks in parts]
        data = pa.Table.from_pylist(rows if spec.name == "visits_delta" else [], schema=spec.schema)
        # as Parquet's milliseconds reach DuckDB
        micros = [
            pa.field(field.name, pa.timestamp("us") if pa.types.is_timestamp(field.type) else field.type)
            for field in spec.schema
        ]
        data = data.cast(pa.schema(micros))
        connection.register(spec.name, data)
    connection.execute(f"CREATE VIEW visits AS {views_of(PLAN)['visits']}")
    return connection


def test_a_sketch_that_is_full_estimates_and_a_smaller_one_is_exact(tmp_path: Path) -> None:
    few = list(range(0, 1023 * 2**40, 2**40))
    many = [number * 2**52 for number in range(1, 1025)]
    fill(tmp_path, {"per_ad_delta": [per_ad_row("few", 0, 1, users=few), per_ad_row("many", 0, 1, users=many)]})
    assert ask(tmp_path, "SELECT ad, users FROM per_ad ORDER BY ad") == [
        ("few", 1023),
        ("many", round(1023 / (1024 * 2**52 / 2**63))),
    ]


def line(
    partition: str,
    end: int,
    age_s: int,
    *,
    read: int = 1,
    seen: int | None = None,
    final: bool | None = False,
    told: int | None = None,
) -> str:
    marks = "NULL, NULL" if told is None else f"{told}, 1"
    when = f"make_timestamp(epoch_us(now()) - {age_s}000000)"
    newest, last = ("NULL" if value is None else str(value) for value in (seen, final))
    return f"('{partition}', {end}, {read}, {newest}, {last}, {when}, {marks})"


@pytest.mark.parametrize(
    ("lines", "frontier"),
    [
        ([line("0", 1, 1, seen=9_000)], 4_000),
        ([line("0", 1, 1, seen=9_000), line("1", 1, 2, seen=7_000)], 2_000),
        # idle: no longer holds the others back
        ([line("0", 1, 1, seen=9_000), line("1", 1, 60, seen=7_000)], 4_000),
        # a heartbeat without records does not make a partition active
        ([line("0", 1, 1, seen=9_000), line("1", 1, 60, seen=7_000), line("1", 1, 1, read=0, seen=7_000)], 4_000),
        # nobody is active: the furthest decides
        ([line("0", 1, 50, seen=9_000), line("1", 1, 60, seen=7_000)], 4_000),
        # without any valid row it holds everything open, as long as it is active
        ([line("0", 1, 1, seen=9_000), line("1", 0, 1, read=0)], -(10**30)),
        ([line("0", 1, 1, seen=9_000), line("1", 0, 60, read=0)], 4_000),
        # final: holds nothing back any more
        ([line("0", 1, 1, seen=9_000), line("1", 1, 1, seen=7_000), line("1", 1, 1, read=0, final=True)], 4_000),
        ([line("0", 1, 1, seen=9_000, final=True), line("1", 1, 1, seen=7_000, final=True)], 10**30),
        # it stays so while later runs find nothing, whatever version they are of
        (
            [line("0", 1, 9, seen=9_000, final=True), line("0", 1, 1, read=0), line("0", 1, 1, read=0, final=None)],
            10**30,
        ),
        # a file that has grown after all is open again
        ([line("0", 1, 9, seen=9_000, final=True), line("0", 2, 1, seen=9_500)], 4_500),
        # a line that tells its watermark goes by the rules that held; no rules take it back
        ([line("0", 1, 9, seen=9_000), line("0", 2, 1, seen=9_000, told=8_000)], 8_000),
        ([line("0", 1, 9, seen=9_000, told=8_000), line("0", 2, 1, seen=9_100, told=8_000)], 8_000),
    ],
)
def test_the_frontier_is_the_slowest_active_partition(lines: list[str], frontier: int) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            'CREATE TABLE ledger("partition" VARCHAR, end_offset BIGINT, "read" BIGINT, max_event_time BIGINT,'
            " final BOOLEAN, committed_at TIMESTAMP, watermark BIGINT, out_of_orderness_ms BIGINT)"
        )
        connection.execute(f"INSERT INTO ledger VALUES {', '.join(lines)}")
        assert connection.execute(frontier_sql(5_000, 30_000)).fetchall() == [(frontier,)]


def test_a_window_is_final_when_the_frontier_has_passed_its_last_millisecond(tmp_path: Path) -> None:
    now = Clock(datetime.now(UTC) - timedelta(seconds=5))
    writer = writer_for(tmp_path, PLAN, clock=now)
    rows = {"per_ad_delta": [per_ad_row("a", 0, 1)]}
    commit(writer, [parcel(PLAN, 0, 0, 1, tables=rows, max_event_time=64_998)], 1)
    assert ask(tmp_path, "SELECT is_final FROM per_ad") == [(False,)]
    commit(writer, [parcel(PLAN, 0, 1, 2, max_event_time=64_999)], 2)
    assert ask(tmp_path, "SELECT is_final FROM per_ad") == [(True,)]
    with lake_connection(tmp_path) as connection:
        kinds = [row[1] for row in connection.execute("DESCRIBE per_ad").fetchall()]
    assert kinds == [
        "VARCHAR",
        "TIMESTAMP",
        "TIMESTAMP",
        "BIGINT",
        "DECIMAL(38,6)",
        "BIGINT",
        "VARCHAR",
        "DOUBLE",
        "BIGINT",
        "DOUBLE",
        "BIGINT",
        "BIGINT",
        "BOOLEAN",
    ]


def test_a_view_leaves_out_what_ended_by_its_border_whatever_border_it_had() -> None:
    for sql in views_of(PLAN).values():
        later = kept_from(kept_from(sql, 5_000), 7_000)
        assert later == kept_from(sql, 7_000) != sql
        assert (shown_after_ms(sql), shown_after_ms(later)) == (None, 7_000)
        assert kept_from(later, None) == sql


def test_windows_that_ended_by_the_border_are_not_shown(lake: Path) -> None:
    with lake_connection(lake) as connection:
        for name, sql in views_of(PLAN).items():
            ends = sorted(end for (end,) in connection.execute(f"SELECT epoch_ms(window_end) FROM {name}").fetchall())
            for border in {-1, *ends}:
                shown = connection.execute(f"SELECT epoch_ms(window_end) FROM ({kept_from(sql, border)})").fetchall()
                assert sorted(end for (end,) in shown) == [end for end in ends if end > border]
