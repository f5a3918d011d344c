"""The ranges of time that a header can declare."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dataflow.errors import ConfigError, QueryError
from query.definition import lake_definition
from query.reader import LakeReader
from query.reports import Answer, Shelf, ask
from query.reports.span import Between, Day, Last, parse_span
from tests.query.lakes import T0
from tests.query.reports.shop import row, shop_lake

NOON = datetime(2026, 1, 1, 12, 34, 56, tzinfo=UTC)


def at(hour: int, minute: int = 0, day: int = 1) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def test_the_last_units_end_with_the_running_one() -> None:
    assert parse_span("last $n minutes").limits({"n": 5}, NOON) == (at(12, 30), at(12, 35))
    assert parse_span("last  $n  hours").limits({"n": 1}, NOON) == (at(12), at(13))
    assert parse_span("last 2 days").limits({}, NOON) == (at(0, 0) - timedelta(days=1), at(0, day=2))
    for count, said in ((0, "must be 1 or more"), (10**12, "beyond the year 1"), (2**62, "beyond the year 1")):
        with pytest.raises(ConfigError, match=f"--n = {count}: .*{said}"):
            Last("n", 0, "hours").limits({"n": count}, NOON)


def test_a_day_is_one_of_utc() -> None:
    assert parse_span("day $d").limits({"d": date(2026, 1, 1)}, NOON) == (at(0), at(0, day=2))
    with pytest.raises(ConfigError, match="--d = '9999-12-31'"):
        Day("d").limits({"d": date.max}, NOON)


def test_a_day_by_a_zones_clock_has_23_24_or_25_hours() -> None:
    span = parse_span("day $d in Europe/Amsterdam")
    assert span.needs == {"d": "date"}
    hours = {day: span.limits({"d": day}, NOON) for day in (date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25))}
    assert [(end - start) // timedelta(hours=1) for start, end in hours.values()] == [24, 23, 25]
    assert hours[date(2026, 3, 29)][0] == datetime(2026, 3, 28, 23, tzinfo=UTC)
    chosen = parse_span("day  $d in $zone")
    assert chosen.needs == {"d": "date", "zone": "text"}
    tokyo = chosen.limits({"d": date(2026, 1, 1), "zone": "Asia/Tokyo"}, NOON)
    assert tokyo == (datetime(2025, 12, 31, 15, tzinfo=UTC), at(15))
    with pytest.raises(ConfigError, match=r"--zone = 'Asia/Tokio': .*did you mean Asia/Tokyo"):
        chosen.limits({"d": date(2026, 1, 1), "zone": "Asia/Tokio"}, NOON)


def test_the_last_days_by_a_zones_clock_end_with_its_running_day() -> None:
    late = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    start, end = parse_span("last 2 days in Europe/Amsterdam").limits({}, late)
    assert (start, end) == (datetime(2026, 3, 27, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))
    with pytest.raises(ConfigError, match="beyond the year 1"):
        parse_span("last $n days in Asia/Tokyo").limits({"n": 10**6}, NOON)


def test_a_zone_that_is_none_and_hours_by_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match=r"names Europe/Amsterdm, which is .*did you mean Europe/Amsterdam"):
        parse_span("day $d in Europe/Amsterdm")
    with pytest.raises(ValueError, match="is no range"):
        parse_span("last 3 hours in Europe/Amsterdam")


def test_two_times_are_start_and_end() -> None:
    naive = {"since": at(1).replace(tzinfo=None), "until": at(2).replace(tzinfo=None)}
    assert parse_span("from $since to $until").limits(naive, NOON) == (at(1), at(2))
    with pytest.raises(ConfigError, match=r"--since = .*must be after --until"):
        Between("until", "since").limits(naive, NOON)


@pytest.mark.parametrize("form", ["last minutes", "last 0 hours", "last $n weeks", "day d", "from $a", "$a to $b", ""])
def test_another_form_is_refused_with_those_there_are(form: str) -> None:
    with pytest.raises(ValueError, match="is no range; write `last \\$n minutes`"):
        parse_span(form)


DAY = """-- title: Orders of a day
-- view: city_1m
-- parameter: day date = today
-- parameter: zone text = {zone}
-- range: day $day in $zone
SELECT city, sum(orders)::BIGINT AS orders FROM city_1m
WHERE window_start >= $start AND window_start < $end GROUP BY city ORDER BY city
"""


def test_a_report_asks_for_the_days_of_a_zone_and_today_is_what_the_clock_there_says(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "tokyo.sql").write_text(DAY.format(zone="Asia/Tokyo"))
    (reports / "utc.sql").write_text(DAY.format(zone="UTC"))
    with shop_lake(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        # T0 is 12:00 UTC; a day begins in Tokyo at 15:00 UTC
        for minute, city in ((0, "a"), (179, "b"), (180, "c")):
            lake.commit({"city_1m_delta": [row(city, minute, 1, 1)]})
        shelf = Shelf(reports, lake_definition(reader))

        def asked(name: str, hour: int, **given: object) -> list[str]:
            now = datetime.combine(T0.date(), datetime.min.time(), UTC).replace(hour=hour)
            answer = ask(reader.snapshot(), shelf.find(name), given, now)
            return [line["city"] for line in answer.table.to_pylist()]

        assert asked("tokyo", 14) == ["a", "b"]
        assert asked("tokyo", 16) == ["c"]
        assert asked("tokyo", 16, day="yesterday") == ["a", "b"]
        assert asked("tokyo", 16, day=T0.date().isoformat(), zone="UTC") == ["a", "b", "c"]
        assert asked("utc", 16) == ["a", "b", "c"]
        with pytest.raises(ConfigError, match="--zone = 'Mars': is no zone of the tz database"):
            asked("tokyo", 16, zone="Mars")


BETWEEN = """-- title: Orders of a city
-- view: {view}
-- parameter: city text = none
-- parameter: since time (start)
-- parameter: until time = 2026-01-02
-- range: from $since to $until
SELECT city, orders FROM {view}
WHERE window_start >= $start AND window_start < $end AND ($city IS NULL OR city = $city) ORDER BY ALL
"""


@pytest.mark.parametrize("view", ["city_1m", "city_5m", "city_day", "city_visits"])
def test_a_report_of_any_window_takes_those_that_start_in_its_range_whole(tmp_path: Path, view: str) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "orders.sql").write_text(BETWEEN.format(view=view))
    with shop_lake(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        # one file each; the sessions of `a` are one session that goes on after the range, those of `b` begin before it
        lengths = {"city_1m": 1, "city_5m": 5, "city_day": 60, "city_visits": 10}
        for start, city in ((0, "b"), (10, "b"), (20, "a"), (30, "a"), (40, "a"), (10, "it's")):
            lake.commit({f"{view}_delta": [row(city, start, lengths[view], 1)]})
        report = Shelf(reports, lake_definition(reader)).find("orders")

        def asked(**given: object) -> Answer:
            return ask(reader.snapshot(), report, given, NOON)

        answer = asked(since=T0 + timedelta(minutes=10), until=T0 + timedelta(minutes=35))
        shown = [(line["city"], line["orders"]) for line in answer.table.to_pylist()]
        sessions = [("a", 3), ("it's", 1)]
        assert shown == (sessions if view == "city_visits" else [("a", 1), ("a", 1), ("b", 1), ("it's", 1)])
        assert [line["city"] for line in asked(since=T0, city="it's").table.to_pylist()] == ["it's"]
        assert asked(since=T0, city="' OR true --").table.num_rows == 0
        with pytest.raises(ConfigError, match=r"--since = None: report orders needs it: a UTC time.*\(start\)"):
            asked()
        with pytest.raises(QueryError, match="is no time"):
            asked(since="noon")
        with pytest.raises(ConfigError, match=r"--limit = 1: report orders has no limit"):
            ask(reader.snapshot(), report, {"since": T0}, NOON, limit=1)
