"""The frontier worked out ahead is what the view's own SQL says of the same ledger, whatever time it is."""

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from query.ends import NEVER_US, End, relation
from query.recent.frontier import Rule, frontier_at, rule_of
from sinks.lake.tables.finality import frontier_sql
from sinks.lake.tables.views import with_ledger

times = st.integers(0, 40)
ends = st.dictionaries(
    st.sampled_from(("a", "b", "c")),
    st.builds(
        End,
        max_event_time=st.none() | times,
        watermark=st.none() | times,
        untold=st.none() | times,
        read_at_us=st.just(NEVER_US) | st.integers(0, 40).map(lambda s: s * 1_000_000),
        first_at_us=st.integers(0, 40).map(lambda s: s * 1_000_000),
        place=times,
    ),
    max_size=3,
)


def asked(sql: str, now_us: int) -> object:
    return duckdb.connect().execute(sql.replace("epoch_us(now())", str(now_us))).fetchall()


@settings(max_examples=60, deadline=None)
@given(ends=ends, now_us=st.integers(0, 60_000_000), rule=st.builds(Rule, st.integers(0, 9), st.integers(1, 20_000)))
def test_it_is_what_the_ledger_says_at_any_time(ends: dict[str, End], now_us: int, rule: Rule) -> None:
    sql = frontier_sql(*rule)
    assert rule_of(sql) == rule
    ahead = asked(f"SELECT {frontier_at(ends, rule)} AS frontier", now_us)
    assert ahead == asked(with_ledger(sql, relation(ends)), now_us)


def test_a_frontier_of_another_form_is_not_known() -> None:
    assert rule_of("SELECT 1 AS frontier") is None
    assert rule_of(frontier_sql(5, 6).replace("DISTINCT", "").replace("max(", "min(", 1)) is None
