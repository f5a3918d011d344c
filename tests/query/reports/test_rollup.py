"""The report that a rollup has without a file, for every kind of window."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import ConfigError, QueryError
from dataflow.windows import tumble
from query.definition import lake_definition
from query.reader import LakeReader
from query.reports import Answer, Shelf, ask
from tests.query.lakes import T0, LakeMaker, ledger
from tests.query.reports.shop import buyer, row, shop_lake

NOW = T0 + timedelta(days=400)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with shop_lake(tmp_path / "lake") as maker:
        yield maker


def asked(lake: LakeMaker, name: str, *, as_of: int | None = None, **given: Any) -> Answer:
    at, limit = given.pop("at", None), given.pop("limit", None)
    with LakeReader(lake.folder) as reader:
        report = Shelf(lake.folder / "no reports", lake_definition(reader)).find(name)
        return ask(reader.snapshot(as_of), report, given, NOW, at=at, limit=limit)


def rows(answer: Answer, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(line[name] for name in columns) for line in answer.table.to_pylist()]


def minute(at: datetime) -> float:
    return (at - T0.replace(tzinfo=None)) / timedelta(minutes=1)


def starts(answer: Answer) -> list[float]:
    return [minute(start) for (start,) in rows(answer, "window_start")]


def test_it_shows_all_windows_of_the_last_hour_up_to_the_newest_with_their_finality(lake: LakeMaker) -> None:
    lake.commit(
        {
            "city_1m_delta": [row("a", at, 1, 2) for at in (0, 59, 60, 61, 119, 120)],
            "city_1m_buyers_distinct": [buyer("a", 120, 1, "x"), buyer("a", 120, 1, "y"), buyer("a", 0, 1, "x")],
            "ledger": [ledger("p", 0, 10, T0 + timedelta(minutes=121, seconds=30))],
        }
    )
    answer = asked(lake, "city_1m")
    assert starts(answer) == [120, 119, 61]
    assert rows(answer, "city", "orders", "turnover", "buyers", "late_count", "is_final")[0] == (
        "a", 2, Decimal(1), 2, 0, True,
    )  # fmt: skip
    assert "windows that start after 2026-01-01 13:00 and up to 2026-01-01 14:00 UTC" in answer.note
    assert starts(asked(lake, "city_1m", last="2m")) == [120, 119]
    assert starts(asked(lake, "city_1m", last="2h", limit=2)) == [120, 119]
    assert starts(asked(lake, "city_1m", last="1ms")) == [120]


def test_every_kind_of_window_has_one(lake: LakeMaker) -> None:
    lake.commit(
        {
            "city_5m_delta": [row("a", at, 5, at + 1) for at in range(10)],
            "city_day_delta": [row("a", -720, 60 * hour, hour) for hour in range(1, 14)],
            "city_visits_delta": [row("a", 0, 10, 1), row("a", 5, 10, 1), row("a", 15, 10, 1), row("b", 70, 10, 1)],
        }
    )
    assert starts(asked(lake, "city_5m", last="3m")) == [9, 8, 7]
    days = asked(lake, "city_day", top=3, by="orders")
    assert rows(days, "orders", "window_end") == [
        (hour, (T0 + timedelta(hours=hour - 12)).replace(tzinfo=None)) for hour in (13, 12, 11)
    ]
    visits = asked(lake, "city_visits", last="2h")
    assert rows(visits, "city", "orders") == [("b", 1), ("a", 3)]


def test_a_session_is_whole_although_it_began_before_the_files_of_the_range(lake: LakeMaker) -> None:
    for step in range(4):
        lake.commit({"city_visits_delta": [row("a", 8 * step, 10, 1)]})
        lake.commit({"city_visits_delta": [row("b", 40 + step, 10, 1)]})
    answer = asked(lake, "city_visits", last="1m")
    assert rows(answer, "city", "orders") == [("b", 4)]
    assert rows(asked(lake, "city_visits", last="1h"), "city", "orders") == [("b", 4), ("a", 4)]


def test_the_newest_window_is_one_that_the_view_shows(lake: LakeMaker) -> None:
    lake.commit({"city_1m_delta": [row("a", 5, 1, 1), row("a", 6, 1, 0, late_count=3)]})
    lake.commit({"city_1m_delta": [row("a", 9, 1, 0, late_count=1)]})
    assert starts(asked(lake, "city_1m", last="1m")) == [5]
    lake.commit({"city_1m_delta": [row("a", 7, 1, 1), row("a", 20, 1, 0, late_count=1)]})
    lake.commit({"city_1m_delta": [row("a", 8, 1, 1)]})
    assert starts(asked(lake, "city_1m", last="1m")) == [8]


def test_only_the_files_of_the_range_are_read(lake: LakeMaker) -> None:
    for at in range(0, 600, 100):
        lake.commit({"city_1m_delta": [row("a", at, 1, 1)], "city_1m_buyers_distinct": [buyer("a", at, 1, "x")]})
    with LakeReader(lake.folder) as reader:
        snapshot = reader.snapshot()
        for table in ("city_1m_delta", "city_1m_buyers_distinct"):
            for file in snapshot.files(table)[:-1]:
                file.path.unlink()
    answer = asked(lake, "city_1m")
    assert rows(answer, "orders", "buyers") == [(1, 1)]


def test_top_and_by_put_the_largest_aggregate_or_the_smallest_key_first(lake: LakeMaker) -> None:
    lake.commit({"city_1m_delta": [row("b", 0, 1, 1, "9.5"), row("a", 1, 1, 3, "2"), row("c", 2, 1, 2, "9.6")]})
    assert rows(asked(lake, "city_1m", by="turnover"), "city") == [("c",), ("b",), ("a",)]
    assert rows(asked(lake, "city_1m", by="city"), "city") == [("a",), ("b",), ("c",)]
    by_first = asked(lake, "city_1m", top="2")
    assert rows(by_first, "orders") == [(3,), (2,)]
    assert ", by orders" in by_first.note
    assert rows(asked(lake, "city_1m", top=2, by="orders", limit=1), "orders") == [(3,)]
    with pytest.raises(ConfigError, match=r"--by = 'turnovr': city_1m has no such column; did you mean turnover\?"):
        asked(lake, "city_1m", by="turnovr")
    with pytest.raises(ConfigError, match="--top"):
        asked(lake, "city_1m", top=0)


def test_where_is_the_language_of_pipelines_over_the_views_columns(lake: LakeMaker) -> None:
    lake.commit({"city_1m_delta": [row("it's", 0, 1, 1), row("a", 1, 1, 3, "2.5"), row("b", 2, 1, 2)]})
    assert rows(asked(lake, "city_1m", where="city = 'it''s' OR turnover BETWEEN 2 AND 3"), "city") == [
        ("a",),
        ("it's",),
    ]
    assert asked(lake, "city_1m", where="orders > 100").table.num_rows == 0
    for text, said in (
        ("citi = 'a'", "did you mean city?"),
        ("1 = 1; DROP TABLE ledger", "not a SQL condition"),
        ("orders IN (SELECT 1)", "not allowed in a filter"),
        ("orders > 1) OR (true", "not a SQL condition"),
        ("city", "compare it with something"),
    ):
        with pytest.raises(ConfigError) as raised:
            asked(lake, "city_1m", where=text)
        assert str(raised.value).startswith("--where = ")
        assert said in str(raised.value)


def test_a_time_or_the_clock_takes_the_place_of_the_newest_window(lake: LakeMaker) -> None:
    lake.commit({"city_1m_delta": [row("a", at, 1, 1) for at in range(5)]})
    assert starts(asked(lake, "city_1m", at="2026-01-01T12:02:30", last="90s")) == [2]
    assert starts(asked(lake, "city_1m", at="2026-01-01T12:02", last="2m")) == [2, 1]
    assert asked(lake, "city_1m", at="now").table.num_rows == 0
    assert starts(asked(lake, "city_1m", at="latest", last="1m")) == [4]


def test_up_to_a_moment_the_window_that_lasts_longer_than_the_range_is_shown_too(lake: LakeMaker) -> None:
    lake.commit({"city_5m_delta": [row("a", at, 5, at + 1) for at in range(10)]})
    assert starts(asked(lake, "city_5m", at="2026-01-01T12:09:30", last="1m")) == [9, 8, 7, 6, 5]
    lake.commit({"city_day_delta": [row("a", -720, 60, 1), row("a", -720, 120, 2)]})
    assert len(starts(asked(lake, "city_day", at="2026-01-01T12:09:30", last="1h"))) == 2


def test_an_older_snapshot_has_its_own_newest_window(lake: LakeMaker) -> None:
    first = lake.commit({"city_1m_delta": [row("a", 0, 1, 1)]})
    lake.commit({"city_1m_delta": [row("a", 60, 1, 1)]})
    assert starts(asked(lake, "city_1m", as_of=first)) == [0]
    assert starts(asked(lake, "city_1m")) == [60]


def test_a_rollup_without_a_window_says_so(lake: LakeMaker) -> None:
    for name in ("city_1m", "city_visits"):
        answer = asked(lake, name)
        assert (answer.table.num_rows, answer.note.partition(",")[0]) == (0, "the rollup has no window yet")
        assert answer.table.column_names[:3] == ["city", "window_start", "window_end"]


@pytest.mark.parametrize("year", [-200_000, 200_000])
def test_windows_beyond_the_calendar_are_shown(lake: LakeMaker, year: int) -> None:
    start = np.datetime64(f"{year:+07d}-01-01T00:00:00.000", "ms")
    cells = {"window_start": start, "window_end": start + np.timedelta64(60_000, "ms")}
    for city, step in (("a", 0), ("b", 30 * 60_000), ("c", -90 * 60_000)):
        shift = {name: cell + np.timedelta64(step, "ms") for name, cell in cells.items()}
        lake.commit({"city_1m_delta": [{**row(city, 0, 1, 1), **shift}]})
    assert rows_text(asked(lake, "city_1m")) == ["b", "a"]
    assert rows_text(asked(lake, "city_1m", last="100000d")) == ["b", "a", "c"]
    assert rows_text(asked(lake, "city_1m", last="999999999d")) == ["b", "a", "c"]


@pytest.mark.parametrize("day", ["0001-01-02", "9999-12-31"])
def test_windows_at_the_ends_of_the_calendar_are_not_left_out_with_their_files(lake: LakeMaker, day: str) -> None:
    start = datetime.fromisoformat(day)
    for city, minutes in (("a", 0), ("b", -5)):
        at = start + timedelta(minutes=minutes)
        end = at + timedelta(minutes=1)
        lake.commit({"city_1m_delta": [{**row(city, 0, 1, 1), "window_start": at, "window_end": end}]})
    assert rows_text(asked(lake, "city_1m")) == ["a", "b"]


def rows_text(answer: Answer) -> list[str]:
    return answer.table.column("city").to_pylist()


def test_a_range_of_nothing_and_a_snapshot_before_the_rollup_are_refused(lake: LakeMaker) -> None:
    with pytest.raises(ConfigError, match="--last"):
        asked(lake, "city_1m", last="0s")
    with pytest.raises(ConfigError, match="--last = 'long': is no duration; write a whole number"):
        asked(lake, "city_1m", last="long")
    with pytest.raises(QueryError, match="snapshot 0 has no rollup city_1m yet"):
        asked(lake, "city_1m", as_of=0)


class Shipped(BaseModel):
    at: EventTime
    status: Literal["placed", "approved"]


def test_a_text_that_a_key_never_held_is_a_mistake_in_a_condition(tmp_path: Path) -> None:
    window, counts = tumble("1m"), {"orders": agg.count()}
    rollups = [
        Rollup("per_status", ["status"], window, counts),
        Rollup("called_so", [], window, {"status": agg.count()}),
    ]
    with LakeMaker(tmp_path / "lake", Pipeline("shop", Shipped, rollups)) as maker:
        more = {"status": "approved"}
        maker.commit({"per_status_delta": [{**row("a", 0, 1, 1), **more}], "called_so_delta": [row("a", 0, 1, 1)]})
        with pytest.raises(ConfigError, match="status is never 'aproved'; did you mean 'approved'"):
            asked(maker, "per_status", where="status = 'aproved'")
        assert rows(asked(maker, "per_status", where="status = 'approved'"), "orders") == [(1,)]
        assert asked(maker, "called_so", where="status = 1 OR status <> 7") is not None
