"""Rows as values for JSON: exact numbers, times, and what JSON lacks."""

import json

import pytest

from query.reader import LakeReader
from serve.ask.rows import ARROW, LINES, VALUES, Reading, Rows
from serve.forms import ENCODER
from tests.query.lakes import LakeMaker

SQL = """SELECT * FROM (VALUES
 (1::TINYINT, 9007199254740993, 1.50::DECIMAL(18, 6), 0.1::DOUBLE, 'nan'::DOUBLE, TIMESTAMP '2026-01-01 10:00:00.5',
  true, 'é "x"', '\\xff\\x00'::BLOB, [1, 2], {'a': TIMESTAMP '2026-01-01 10:00:00'}, '{"k": 1}'::JSON),
 (NULL, 9007199254740992, NULL, NULL, '-inf'::DOUBLE, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) AS t(small, big, money, x, odd, moment, yes, name, raw, list, struct, json)"""


def read(lake: LakeMaker, reading: Reading, sql: str = SQL) -> Rows:
    with LakeReader(lake.folder) as reader:
        return reading.read(reader.snapshot(), sql)


def test_values_keep_every_digit_and_are_null_where_json_has_none(lake: LakeMaker) -> None:
    rows = read(lake, Reading(VALUES, 10, 30))
    assert rows.values is not None
    found = json.loads(ENCODER.encode(rows.values))
    first, second = zip(*found, strict=True)
    assert first == (
        1, "9007199254740993", "1.500000", 0.1, None, "2026-01-01T10:00:00.5Z", True, 'é "x"', "/wA=", [1, 2],
        {"a": "2026-01-01T10:00:00Z"}, {"k": 1},
    )  # fmt: skip
    assert second == (None, 9007199254740992, *[None] * 10)
    assert [column.type for column in rows.columns][:4] == ["TINYINT", "BIGINT", "DECIMAL(18,6)", "DOUBLE"]


def test_times_are_shown_in_a_zone(lake: LakeMaker) -> None:
    rows = read(lake, Reading(VALUES, 10, 30, "Asia/Tokyo"), "SELECT TIMESTAMP '2026-01-01 10:00:00' AS moment")
    assert rows.values == [["2026-01-01T19:00:00+09:00"]]


@pytest.mark.parametrize("way", [VALUES, LINES, ARROW])
def test_a_page_knows_whether_there_is_more_and_where_it_ended(lake: LakeMaker, way: str) -> None:
    sql = "SELECT n, 'k' || n AS hidden FROM range(7) AS t(n) ORDER BY n"
    rows = read(lake, Reading(way, 3, 30, skip=2, hidden=True), sql)
    assert (rows.count, rows.more, rows.last) == (3, True, "k4")
    assert [column.name for column in rows.columns] == ["n"]
    shown = {VALUES: rows.values, LINES: rows.lines, ARROW: rows.table and rows.table.to_pydict()}[way]
    assert shown == {VALUES: [[2, 3, 4]], LINES: ["2", "3", "4"], ARROW: {"n": [2, 3, 4]}}[way]
    rest = read(lake, Reading(way, 3, 30, skip=5, hidden=True), sql)
    assert (rest.count, rest.more, rest.last) == (2, False, "k6")
    none = read(lake, Reading(way, 3, 30, skip=9, hidden=True), sql)
    assert (bool(none), none.more, none.last) == (False, False, None)
