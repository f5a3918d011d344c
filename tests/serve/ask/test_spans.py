"""Spans hold whole windows, by UTC and by any clock, however it is put on and back."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from dataflow.windows import Window, hop, session, tumble
from dataflow.zones import zone_of
from serve.ask.spans import Spans, spans_of
from serve.problem import Problem
from sinks.lake.tables.definition import RollupDefinition, WindowDefinition

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
AMSTERDAM = "Europe/Amsterdam"


def rollup(window: Window) -> RollupDefinition:
    fields = (window.kind, window.size_ms, window.slide_ms, window.offset_ms, window.zone)
    return RollupDefinition("r", [], WindowDefinition(*fields), 0, [])


def asked(spans: Spans, *moments: str) -> list[tuple[str, str]]:
    """Start and end of the span of each time."""
    with duckdb.connect() as connection:
        found: list[Any] = []
        for moment in moments:
            start = spans.start_sql(f"TIMESTAMP '{moment}'")
            sql = f"SELECT s::VARCHAR, ({spans.end_sql('s')})::VARCHAR FROM (SELECT {start} AS s)"
            found += connection.execute(sql).fetchall()
        return found


@pytest.mark.parametrize(
    ("moment", "every_ms", "zone", "start", "end"),
    [
        ("2026-03-29 12:34:56", 300_000, None, "2026-03-29 12:30:00", "2026-03-29 12:35:00"),
        ("2026-03-29 12:34:56", DAY_MS, None, "2026-03-29 00:00:00", "2026-03-30 00:00:00"),
        ("2026-03-29 12:34:56", 300_000, AMSTERDAM, "2026-03-29 12:30:00", "2026-03-29 12:35:00"),
        # the day on which summer time begins has 23 hours, the one on which it ends 25
        ("2026-03-29 12:34:56", DAY_MS, AMSTERDAM, "2026-03-28 23:00:00", "2026-03-29 22:00:00"),
        ("2026-10-25 12:34:56", DAY_MS, AMSTERDAM, "2026-10-24 22:00:00", "2026-10-25 23:00:00"),
        ("1969-12-31 23:59:59", HOUR_MS, None, "1969-12-31 23:00:00", "1970-01-01 00:00:00"),
        # midnight comes twice there, and the day begins with the first
        ("2020-11-01 04:30:00", DAY_MS, "America/Havana", "2020-11-01 04:00:00", "2020-11-02 05:00:00"),
        ("2020-11-01 05:30:00", DAY_MS, "America/Havana", "2020-11-01 04:00:00", "2020-11-02 05:00:00"),
        # a day that was left out
        ("2011-12-30 09:59:59", DAY_MS, "Pacific/Apia", "2011-12-29 10:00:00", "2011-12-30 10:00:00"),
        ("2011-12-30 10:00:00", DAY_MS, "Pacific/Apia", "2011-12-30 10:00:00", "2011-12-31 10:00:00"),
    ],
)
def test_a_time_lies_in_its_span(moment: str, every_ms: int, zone: str | None, start: str, end: str) -> None:
    spans = spans_of(rollup(tumble("1m")), every_ms, zone)
    assert asked(spans, moment) == [(start, end)]


@pytest.mark.parametrize(
    "zone",
    [
        AMSTERDAM,
        "America/Havana",
        "America/Sao_Paulo",
        "America/St_Johns",
        "Asia/Amman",
        "Asia/Kathmandu",
        "Atlantic/Azores",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ],
)
@pytest.mark.parametrize("days", [1, 7])
def test_spans_of_a_rollup_by_a_clock_are_made_of_its_own_windows_in_every_year(zone: str, days: int) -> None:
    window = tumble("1d", zone=zone) if days == 1 else tumble("1w", zone=zone, week="sunday")
    spans = spans_of(rollup(window), days * DAY_MS, None)
    borders = days * DAY_MS * np.arange(7_300 // days, 24_000 // days, dtype=np.int64) + window.offset_ms
    starts = zone_of(zone).first(borders)
    real = np.append(np.diff(starts) > 0, False)
    table = pa.table({"s": pa.array(starts[real]).cast(pa.timestamp("ms"))})
    with duckdb.connect() as connection:
        connection.register("windows", table)
        sql = "SELECT epoch_ms(({})::TIMESTAMP) AS at FROM (SELECT s::TIMESTAMP AS s FROM windows)"
        first, last = (
            connection.execute(sql.format(each)).fetchnumpy()["at"]
            for each in (spans.start_sql("s"), spans.end_sql("s"))
        )
    assert first.tolist() == starts[real].tolist()
    # of a day that was left out the one before it does not end later
    assert last.tolist() == zone_of(zone).first(borders[real] + days * DAY_MS).tolist()
    assert [spans.first_ms(int(each)) for each in starts[real][:50]] == starts[real][:50].tolist()


def test_several_days_and_weeks_of_a_clock_go_together_from_where_its_windows_begin() -> None:
    fortnight = spans_of(rollup(tumble("1w", zone=AMSTERDAM, week="sunday")), 14 * DAY_MS, None)
    (found,) = asked(fortnight, "2026-03-29 12:00:00")
    assert found == ("2026-03-28 23:00:00", "2026-04-11 22:00:00")
    # whatever zone the times are shown in
    assert spans_of(rollup(tumble("1d", zone=AMSTERDAM)), DAY_MS, "Asia/Tokyo").zone == AMSTERDAM
    shifted = spans_of(rollup(tumble("1h", "15m")), DAY_MS, None)
    assert asked(shifted, "2026-03-29 00:10:00") == [("2026-03-28 00:15:00", "2026-03-29 00:15:00")]


def test_days_of_a_zone_that_windows_would_lie_across_are_those_of_utc() -> None:
    for window, zone in (
        (tumble("1h"), "Asia/Kolkata"),
        (tumble("1d"), AMSTERDAM),
        (tumble("1h"), "Australia/Lord_Howe"),
    ):
        assert spans_of(rollup(window), DAY_MS, zone) == Spans(DAY_MS, None, 0, zone)
    for window, zone in ((tumble("30m"), "Asia/Kolkata"), (tumble("1h"), AMSTERDAM), (session("5m"), "Asia/Kolkata")):
        assert spans_of(rollup(window), DAY_MS, zone) == Spans(DAY_MS, zone)
    assert spans_of(rollup(tumble("1h")), HOUR_MS * 2, "Asia/Kolkata") == Spans(HOUR_MS * 2)


def test_a_span_holds_whole_windows() -> None:
    spans_of(rollup(tumble("1m")), 300_000, None)
    spans_of(rollup(session("1m")), 90_001, None)
    for window in (tumble("1m"), hop("1m", every="1m"), tumble("1d", zone=AMSTERDAM)):
        with pytest.raises(Problem, match="multiple of the window's 1"):
            spans_of(rollup(window), 90_000, None)
