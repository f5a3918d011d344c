"""The rule of what is closed and final: for values and as SQL it is one."""

from collections.abc import Iterator
from itertools import groupby

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sinks.lake.tables.finality import (
    EVER_MS,
    Stand,
    deciding,
    frontier_ms,
    frontier_sql,
    is_active,
    needed_ms,
    needed_sql,
    reached_ms,
    watermark_ms,
)

BOUND_MS, IDLE_MS = 5_000, 30_000
NOW_US = 1_800_000_000_000_000
Line = tuple[str, int, int, int | None, bool | None, int, tuple[int | None, int | None]]
"""Partition, end offset, read, largest event time, final, age in us; watermark and out-of-orderness, if told."""
UNTOLD = (None, None)

LINES = st.lists(
    st.tuples(
        st.sampled_from(["t/0", "t/1", "t/2"]),
        st.integers(0, 3),
        st.integers(0, 1),
        st.none() | st.sampled_from([-(2**63), -1, 0, 7_000, 9_000, 2**63 - 1]),
        st.booleans() | st.none(),
        st.sampled_from([0, IDLE_MS * 1000 - 1, IDLE_MS * 1000, IDLE_MS * 1000 + 1, 10**9]),
        st.sampled_from([UNTOLD, (None, 0), (8_500, 0), (3_000, 9)]),
    ),
    max_size=9,
)


def stands(lines: list[Line]) -> list[Stand]:
    """Where the partitions stand, read off their lines as one would by hand."""
    found = []
    for _, group in groupby(sorted(lines, key=lambda line: line[0]), key=lambda line: line[0]):
        own = list(group)
        marks = [told[0] if told != UNTOLD else watermark_ms(seen, BOUND_MS) for _, _, _, seen, _, _, told in own]
        with_records = [NOW_US - age for _, _, read, _, _, age, _ in own if read]
        since = max(with_records) if with_records else min(NOW_US - age for *_, age, _ in own)
        reached = max(end for _, end, *_ in own)
        final = any(last and end == reached for _, end, _, _, last, _, _ in own)
        watermark = max((mark for mark in marks if mark is not None), default=None)
        found.append(Stand(watermark, is_active(since, NOW_US, IDLE_MS), final))
    return found


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            'CREATE TABLE ledger("partition" VARCHAR, end_offset BIGINT, "read" BIGINT, max_event_time BIGINT,'
            " final BOOLEAN, committed_at TIMESTAMP, watermark BIGINT, out_of_orderness_ms BIGINT)"
        )
        yield connection


@settings(deadline=None, max_examples=200)
@given(lines=LINES)
@example(lines=[])
@example(lines=[("t/0", 1, 1, 9_000, True, 0, UNTOLD), ("t/0", 2, 0, None, False, 10**9, UNTOLD)])
@example(lines=[("t/0", 1, 1, 9_000, True, 10**9, UNTOLD), ("t/0", 1, 0, None, None, 0, UNTOLD)])
@example(
    lines=[
        ("t/0", 1, 1, 9_000, True, 0, UNTOLD),
        ("t/1", 1, 1, 7_000, True, 0, UNTOLD),
        ("t/2", 0, 0, None, True, 0, UNTOLD),
    ]
)
@example(
    lines=[
        ("t/0", 1, 1, 9_000, False, 10**9, UNTOLD),
        ("t/1", 1, 1, 7_000, False, 10**9, UNTOLD),
        ("t/2", 1, 0, None, False, 0, UNTOLD),
    ]
)
def test_the_frontier_is_the_same_for_values_and_as_sql(database: duckdb.DuckDBPyConnection, lines: list[Line]) -> None:
    database.execute("DELETE FROM ledger")
    for name, end, read, seen, final, age_us, told in lines:
        database.execute(
            "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, make_timestamp(?), ?, ?)",
            [name, end, read, seen, final, NOW_US - age_us, *told],
        )
    sql = frontier_sql(BOUND_MS, IDLE_MS)
    assert sql.count("now()") == 1
    at = sql.replace("epoch_us(now())", str(NOW_US))
    assert database.execute(at).fetchall() == [(frontier_ms(stands(lines)),)]


@given(end_ms=st.integers(-(10**14), 10**14), lateness_ms=st.integers(0, 2**62))
@settings(deadline=None, max_examples=30)
def test_what_a_window_needs_is_the_same_for_values_and_as_sql(
    database: duckdb.DuckDBPyConnection, end_ms: int, lateness_ms: int
) -> None:
    sql = needed_sql(f"make_timestamp({end_ms * 1000})", lateness_ms)
    assert database.execute(f"SELECT {sql}").fetchall() == [(needed_ms(end_ms, lateness_ms),)]
    assert needed_ms(end_ms) == end_ms - 1


SLOW, FAST = Stand(95, True, False), Stand(895, True, False)


@pytest.mark.parametrize(
    ("given", "holding", "frontier"),
    [
        ([], [], EVER_MS),
        ([SLOW, FAST], [SLOW, FAST], 95),
        ([Stand(95, False, False), FAST], [FAST], 895),
        ([Stand(95, True, True), FAST], [FAST], 895),
        ([Stand(95, False, False), Stand(895, False, False)], [Stand(895, False, False)], 895),
        ([Stand(95, False, False), Stand(895, False, True)], [Stand(95, False, False)], 95),
        ([Stand(None, True, False), FAST], [Stand(None, True, False), FAST], -EVER_MS),
        ([Stand(None, False, False), Stand(95, False, False)], [Stand(95, False, False)], 95),
        ([Stand(95, True, True), Stand(None, False, True)], [], EVER_MS),
    ],
    ids=["none", "all", "idle", "final", "all_idle", "idle_and_final", "silent", "idle_silent", "all_final"],
)
def test_active_partitions_decide_else_the_furthest_else_nothing_is_held(
    given: list[Stand], holding: list[Stand], frontier: int
) -> None:
    assert deciding(given) == holding
    assert frontier_ms(given) == frontier


def test_before_its_first_event_a_partition_has_reached_nothing() -> None:
    assert watermark_ms(None, BOUND_MS) is None
    assert (reached_ms(Stand(None, True, False)), reached_ms(SLOW)) == (-EVER_MS, 95)


def test_a_partition_is_idle_once_the_timeout_is_over() -> None:
    assert is_active(NOW_US - IDLE_MS * 1000 + 1, NOW_US, IDLE_MS)
    assert not is_active(NOW_US - IDLE_MS * 1000, NOW_US, IDLE_MS)
