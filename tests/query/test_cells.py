"""Values of every type as people, CSV and JSON have them."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.cells import Column, Style, cells, csv_lines, json_lines
from query.texts import columns_of, shaped_sql

PEOPLE = Style(" ", readable=True)
PROGRAMS = Style()
Make = Callable[[Sequence[Column], Style], list[str]]

CONNECTION = duckdb.connect(config={"threads": 1})
CONNECTION.execute("SET TimeZone = 'UTC'")


def written(sql: str, make: Make, style: Style, *values: object) -> str | None:
    relation = CONNECTION.sql(f"SELECT {sql} AS x", params=list(values))
    ((found,),) = CONNECTION.execute(
        shaped_sql(relation, lambda columns: make(columns, style)), list(values)
    ).fetchall()
    return found


@pytest.mark.parametrize(
    ("sql", "people", "csv", "in_json"),
    [
        ("1::TINYINT", "1", "1", "1"),
        ("-5::HUGEINT", "-5", "-5", "-5"),
        (f"'{2**128 - 1}'::UHUGEINT", str(2**128 - 1), str(2**128 - 1), str(2**128 - 1)),
        ("0.10::DECIMAL(9, 2)", "0.10", "0.10", "0.10"),
        ("-0.5::DECIMAL(2, 2)", "-0.50", "-0.50", "-0.50"),
        ("1e300", "1e+300", "1e+300", "1e+300"),
        ("'nan'::DOUBLE", "nan", "nan", "null"),
        ("'-inf'::FLOAT", "-inf", "-inf", "null"),
        ("true", "true", "true", "true"),
        ("NULL", None, "", "null"),
        ("NULL::VARCHAR", None, "", "null"),
        ("''", "", '""', '""'),
        ("'a, \"b\"'", 'a, "b"', '"a, ""b"""', '"a, \\"b\\""'),
        ("'\\x00\\x07z'::BLOB", "\x00\x07z", "AAd6", '"AAd6"'),
        ("""encode('{"a": "é"}')""", '{"a": "é"}', "eyJhIjogIsOpIn0=", '"eyJhIjogIsOpIn0="'),
        ("'\\xFFz'::BLOB", "\\xFFz", "/3o=", '"/3o="'),
        ("DATE '2026-01-02'", "2026-01-02", "2026-01-02", '"2026-01-02"'),
        ("TIME '01:02:03.5'", "01:02:03.5", "01:02:03.5", '"01:02:03.5"'),
        ("TIMESTAMP '2026-01-02 03:04:05'", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05Z", '"2026-01-02T03:04:05Z"'),
        (
            "'2026-01-02 00:00:00.123456789'::TIMESTAMP_NS",
            "2026-01-02 00:00:00.123456789Z",
            "2026-01-02T00:00:00.123456789Z",
            '"2026-01-02T00:00:00.123456789Z"',
        ),
        ("'2026-01-02'::TIMESTAMP_S", "2026-01-02 00:00:00Z", "2026-01-02T00:00:00Z", '"2026-01-02T00:00:00Z"'),
        (
            "'2026-01-02 02:00+02'::TIMESTAMPTZ",
            "2026-01-02 00:00:00Z",
            "2026-01-02T00:00:00Z",
            '"2026-01-02T00:00:00Z"',
        ),
        ("'infinity'::TIMESTAMP", "infinity", "infinity", '"infinity"'),
        ("INTERVAL '1 month 2 hours'", "1 month 02:00:00", "1 month 02:00:00", '"1 month 02:00:00"'),
        ("'b'::ENUM('a', 'b')", "b", "b", '"b"'),
        ("[1, NULL]", "[1, null]", '"[1, null]"', "[1, null]"),
        ("[]::INT[]", "[]", "[]", "[]"),
        ("NULL::INT[]", None, "", "null"),
        ("array_value(0.5, 1.5)", "[0.5, 1.5]", '"[0.5, 1.5]"', "[0.5, 1.5]"),
        (
            "{'a': [{'b\"': 'nan'::DOUBLE}]}",
            '{"a": [{"b\\"": null}]}',
            '"{""a"": [{""b\\"""": null}]}"',
            '{"a": [{"b\\"": null}]}',
        ),
        (
            "MAP {'k': TIMESTAMP '2026-01-02 03:04:05'}",
            '{"k": "2026-01-02T03:04:05Z"}',
            '"{""k"": ""2026-01-02T03:04:05Z""}"',
            '{"k": "2026-01-02T03:04:05Z"}',
        ),
        ("row(1, 'a')", '[1,"a"]', '"[1,""a""]"', '[1,"a"]'),
        ("union_value(n := 1)", '{"n":1}', '"{""n"":1}"', '{"n":1}'),
        ("'[1,\n 2]'::JSON", "[1,\n 2]", '"[1,\n 2]"', "[1,2]"),
    ],
)
def test_every_type_has_its_text(sql: str, people: str | None, csv: str, in_json: str) -> None:
    assert written(sql, cells, PEOPLE) == people
    assert written(sql, csv_lines, PROGRAMS) == csv
    assert written(sql, json_lines, PROGRAMS) == f'{{"x": {in_json}}}'
    json.loads(in_json)


def test_no_type_of_duckdb_is_left_without_a_text() -> None:
    relation = CONNECTION.sql("SELECT * FROM test_all_types()")
    for make in (cells, csv_lines, json_lines):
        for style in (PEOPLE, Style(zone="Asia/Kolkata")):
            rows = CONNECTION.execute(shaped_sql(relation, lambda columns, m=make, s=style: m(columns, s))).fetchall()  # type: ignore[misc]
            assert len(rows) == 3
            if make is json_lines:
                assert all(json.loads(line) for (line,) in rows)


def test_columns_of_one_name_are_all_there() -> None:
    relation = CONNECTION.sql('SELECT 1 AS n, \'x\' AS n, NULL AS "q"""')
    assert CONNECTION.execute(shaped_sql(relation, lambda columns: json_lines(columns, PROGRAMS))).fetchall() == [
        ('{"n": 1, "n": "x", "q\\"": null}',)
    ]
    assert CONNECTION.execute(shaped_sql(relation, lambda columns: csv_lines(columns, PROGRAMS))).fetchall() == [
        ("1,x,",)
    ]


def test_numbers_and_times_are_whole_and_only_numbers_stand_right() -> None:
    columns = columns_of(CONNECTION.sql("SELECT 1, 0.5, now(), DATE '2026-01-01', 'a', [1], 'a'::BLOB"))
    assert [each.is_number for each in columns] == [True, True, False, False, False, False, False]
    assert [each.is_whole for each in columns] == [True, True, True, True, False, False, False]


@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)),
    st.sampled_from(["Europe/Amsterdam", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
)
def test_a_time_in_a_zone_is_that_of_the_zone_with_its_offset(at: datetime, zone: str) -> None:
    text = written("?::TIMESTAMP", cells, Style("T", zone=zone), at)
    assert text is not None
    found = datetime.fromisoformat(text)
    assert found == at.replace(tzinfo=ZoneInfo("UTC"))
    assert found.utcoffset() == at.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).utcoffset()


@given(st.lists(st.one_of(st.text(), st.none()), min_size=1, max_size=4))
def test_any_text_comes_back_from_json(texts: list[str | None]) -> None:
    line = written("?::VARCHAR[]", json_lines, PROGRAMS, texts)
    assert line is not None
    assert json.loads(line) == {"x": texts}
    assert "\n" not in line


@given(st.decimals(Decimal(-(10**11)), Decimal(10**11), places=6))
def test_money_keeps_every_digit(money: Decimal) -> None:
    assert written("?::DECIMAL(18, 6)", cells, PEOPLE, money) == format(money, "f")


def test_years_before_the_first_have_a_sign() -> None:
    assert written("TIMESTAMP '0044-03-15 (BC) 00:00:00'", cells, PEOPLE) == "-43-03-15 00:00:00.000000Z"
