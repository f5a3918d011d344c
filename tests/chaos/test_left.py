"""What is planted in a lake that lets things leave is found: half windows, rows too few or too many, left files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.chaos import checkers, living
from tests.chaos.checkers import Anomaly
from tests.chaos.left import Borders, Place, check_files
from tests.chaos.recount import Expected, expect
from tests.model.spec import Record

SECOND_MS = 1_000
BORDERS = Borders(dict.fromkeys(("events", "late_events", "dead_letters", "slides", "visits"), 100 * SECOND_MS))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    pipeline = living.write(tmp_path_factory.mktemp("pipeline") / "p.py", keep="2m", deduplicate_within="1m")
    event = b'{"event_id":"%d","event_time":%d,"event_type":"click","ad_id":"ad-1"}'
    # one session goes on over the border; the last but one is late
    times = [5, 90, 105, 120, 200, 10, 210]
    records = [Record(at, event % (at, time * SECOND_MS), 300 * SECOND_MS) for at, time in enumerate(times)]
    return expect(pipeline, {"t/0": [*records, Record(9, b"{", 0)]})


def kept(expected: Expected) -> dict[str, str]:
    """The texts of a lake in which no older window is shown."""
    texts = dict(expected.texts)
    for name in ("slides", "visits"):
        head, *lines = texts[f"{name}.csv"].splitlines(keepends=True)
        texts[f"{name}.csv"] = head + "".join(line for line in lines if int(line.split(",")[1]) > 100 * SECOND_MS)
    return texts


def placed(expected: Expected) -> dict[str, list[Place]]:
    rows = {"events": [("t/0", at) for at in (2, 3, 4, 6)], "dead_letters": [("t/0", 9)]}
    for rollup, partition, offset, *_ in expected.tables.late:
        rows.setdefault(f"late_events of {rollup}", []).append((partition, offset))
    return rows


def found(expected: Expected, texts: dict[str, str], rows: dict[str, list[Place]], newest_s: int = 210) -> set[str]:
    return names(BORDERS.check(expected, texts, rows, lambda _: newest_s * SECOND_MS))


def names(anomalies: list[Anomaly]) -> set[str]:
    return {each.name for each in anomalies}


def test_a_lake_that_holds_what_is_kept_has_no_anomaly_whatever_older_rows_it_has(expected: Expected) -> None:
    rows = placed(expected)
    assert expected.tables.late
    assert not found(expected, kept(expected), rows)
    assert not found(expected, kept(expected), rows | {"events": [*rows["events"], ("t/0", 0)]})
    assert not found(expected, kept(expected), rows | {"dead_letters": []}, newest_s=99)


def test_a_window_that_is_shown_too_long_in_part_or_not_at_all_is_an_unequal_table(expected: Expected) -> None:
    for name in ("slides.csv", "visits.csv"):
        texts = kept(expected)
        assert texts[name] != expected.texts[name]
        assert found(expected, texts | {name: expected.texts[name]}, placed(expected)) == {checkers.UNEQUAL}
        fewer = "".join(texts[name].splitlines(keepends=True)[:-1])
        assert found(expected, texts | {name: fewer}, placed(expected)) == {checkers.UNEQUAL}


def test_a_row_that_is_kept_and_not_there_is_lost_and_one_that_is_there_twice_a_duplicate(expected: Expected) -> None:
    for table, rows in placed(expected).items():
        assert found(expected, kept(expected), placed(expected) | {table: rows[1:]}) == {checkers.LOST}, table
        again = placed(expected) | {table: [*rows, rows[-1]]}
        assert found(expected, kept(expected), again) == {checkers.DUPLICATE}, table


def test_a_file_of_which_all_has_left_is_a_leftover(expected: Expected, tmp_path: Path) -> None:
    def write(table: str, column: str, *times_s: int) -> set[str]:
        path = tmp_path / "main" / table / "x.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({column: pa.array([time * SECOND_MS for time in times_s], pa.int64())}), path)
        return names(check_files(tmp_path, expected, BORDERS))

    for table, column in (("events", "event_time"), ("late_events", "watermark"), ("slides_delta", "window_end")):
        assert write(table, column, 20, 99) == {checkers.LEFTOVER}
        assert not write(table, column, 20, 101)
    # the session from 90 on ends behind the border; the one from 5 on has left
    assert not write("visits_users_distinct", "window_end", 95)
    assert write("visits_users_distinct", "window_end", 25) == {checkers.LEFTOVER}
