import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.fold.assign import Assigner
from dataflow.windows import Window, cumulate, hop, session, tumble
from dataflow.windows.flink import interval
from dataflow.windows.kinds import KINDS, kind_of

TIMES = st.lists(st.integers(-(9 * 10**15), 9 * 10**15) | st.integers(-200_000, 200_000), min_size=1, max_size=5)
WINDOWS = st.one_of(
    st.builds(
        lambda size, offset: tumble(f"{size}ms", f"{offset % size}ms"), st.integers(1, 10**6), st.integers(0, 10**6)
    ),
    st.builds(
        lambda every, more, offset: hop(f"{every + more}ms", f"{every}ms", f"{offset % every}ms"),
        st.integers(1, 1000),
        st.integers(0, 3000),
        st.integers(0, 1000),
    ).filter(lambda window: window.size_ms <= 20 * window.slide_ms),
    st.builds(
        lambda step, steps, offset: cumulate(f"{step * steps}ms", f"{step}ms", f"{offset % (step * steps)}ms"),
        st.integers(1, 1000),
        st.integers(1, 9),
        st.integers(0, 9000),
    ),
)


@settings(max_examples=150, deadline=None)
@given(TIMES, WINDOWS)
def test_the_arithmetic_gives_the_windows_that_the_fold_gives(times, window):
    assigned = kind_of(window).sql["flink"].assigned
    assert assigned is not None
    found = assigned(window, "`t`")
    taken = "" if found.taken is None else f" WHERE {found.taken}"
    # MOD has the sign of the time there, too
    sql = f"SELECT `t`, {found.start}, {found.end}, {found.last_end} FROM times{found.joined}{taken}".replace("`", '"')
    values = ", ".join(f"(CAST({time} AS BIGINT))" for time in sorted(set(times)))
    with duckdb.connect() as connection:
        rows = connection.execute(f"WITH times(t) AS (VALUES {values}) {sql}").fetchall()
    distinct = np.array(sorted(set(times)), np.int64)
    expansion = Assigner(window, 0).expand(distinct)
    wanted = list(zip(distinct[expansion.of].tolist(), expansion.start.tolist(), expansion.end.tolist(), strict=True))
    assert sorted((t, start, end) for t, start, end, _ in rows) == sorted(wanted)
    last = {t: max(end for of, _, end in wanted if of == t) for t, _, _ in wanted}
    assert all(last_end == last[t] for t, _, _, last_end in rows)


def test_every_kind_of_window_says_how_flink_has_it():
    assert {name for name, kind in KINDS.items() if "flink" in kind.sql} == KINDS.keys()


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (1, "INTERVAL '0 00:00:00.001' DAY(3) TO SECOND(3)"),
        (93_784_005, "INTERVAL '1 02:03:04.005' DAY(3) TO SECOND(3)"),
        (86_400_000 * 999, "INTERVAL '999 00:00:00.000' DAY(3) TO SECOND(3)"),
    ],
)
def test_an_interval_is_exact_to_the_millisecond(duration_ms, text):
    assert interval(duration_ms) == text


def called(window: Window, keys: str) -> str:
    function = kind_of(window).sql["flink"].function
    assert function is not None
    return function(window, "v", "ts", keys)


def test_a_function_takes_its_durations_in_flinks_order():
    calls = [
        (tumble("1m", "10s"), "TUMBLE(TABLE v, DESCRIPTOR(ts), {1m}, {10s})"),
        (hop("5m", "1m"), "HOP(TABLE v, DESCRIPTOR(ts), {1m}, {5m})"),
        (cumulate("5m", "1m"), "CUMULATE(TABLE v, DESCRIPTOR(ts), {1m}, {5m})"),
        (session("5m"), "SESSION(TABLE v PARTITION BY (k), DESCRIPTOR(ts), {5m})"),
    ]
    known = {"1m": interval(60_000), "5m": interval(300_000), "10s": interval(10_000)}
    for window, text in calls:
        assert called(window, "k") == text.format(**known)


def test_a_session_without_keys_is_one_for_all_rows():
    assert "PARTITION" not in called(session("5m"), "")


def test_windows_by_a_zones_clock_are_told_to_be_beyond_it():
    window = tumble("1d", zone="Europe/Amsterdam")
    assert "zone" in (kind_of(window).sql["flink"].unfit(window) or "")
    assert kind_of(window).sql["flink"].unfit(tumble("1d")) is None
