"""A report's file: what its header says, and every mistake in it with line and fix."""

from pathlib import Path

import pytest

from dataflow.errors import PipelineError
from query.reports import read_report
from query.reports.header import parse_report
from query.reports.span import Last

GOOD = """-- title: Orders of a shop
-- view: orders_1m
-- Free text may stand here, too.
-- parameter: shop text = 'a (b), it''s' (whose orders)
-- parameter: least number = 0.50
-- parameter: hours integer = 24 (how many hours)
-- parameter: city text = none
-- parameter: paid boolean
-- range: last $hours hours
-- limit: 20

SELECT * FROM orders_1m -- not $one_of_ours
WHERE window_start >= $start AND window_start < $end
  AND shop = $shop AND turnover > $least AND paid = $paid AND ($city IS NULL OR city = $city)
LIMIT $limit
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(PipelineError) as raised:
        parse_report(Path("reports/orders.sql"), text)
    assert str(raised.value).startswith("reports/orders.sql: ")
    assert raised.value.exit_code == 2
    return raised.value.mistakes


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_header_gives_title_view_parameters_range_and_limit(tmp_path: Path) -> None:
    path = tmp_path / "orders.sql"
    path.write_text(GOOD)
    report = read_report(path)
    assert (report.name, report.title, report.view, report.limit) == ("orders", "Orders of a shop", "orders_1m", 20)
    assert report.span == Last("hours", 0, "hours")
    assert [(p.name, p.type.name, p.default, p.required, p.help) for p in report.parameters] == [
        ("shop", "text", "a (b), it's", False, "whose orders"),
        ("least", "number", "0.50", False, ""),
        ("hours", "integer", "24", False, "how many hours"),
        ("city", "text", None, False, ""),
        ("paid", "boolean", None, True, ""),
    ]
    assert str(report.parameters[2]) == "--hours integer = 24"
    assert str(report.parameters[4]) == "--paid boolean"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (changed("-- title: Orders of a shop\n", ""), 1, "title is missing; add a line `-- title: ...`"),
        (changed("-- view: orders_1m\n", ""), 1, "view is missing"),
        (changed("-- title:", "-- titel:"), 1, "did you mean title?"),
        (changed("hours integer", "hours int"), 6, "unknown type int; did you mean integer?"),
        (changed("integer = 24", "integer = many"), 6, "'many' is no integer; write a whole number"),
        (changed("integer = 24", "integer = none"), 9, "hours cannot be none"),
        (changed("hours integer = 24", "hours text = a"), 9, "hours must be of type integer, not text"),
        (changed("last $hours hours", "last $days hours"), 9, "add a line `-- parameter: days integer = ...`"),
        (changed("last $hours hours", "since yesterday"), 9, "`last $n minutes` (hours, days), `day $day`"),
        (changed("limit: 20", "limit: 0"), 10, "write a whole number of rows, 1 or more, or none"),
        (changed("limit: 20", "limit: 20\n-- limit: 30"), 11, "stands on line 10 already"),
        (changed("least number", "shop number"), 5, "shop stands on line 4 already"),
        (changed("least number = 0.50", "limit number = 1"), 5, "the name limit is taken"),
        (changed("least number = 0.50", "least"), 5, "write NAME TYPE = DEFAULT"),
        (changed("$least", "$leasd"), 14, "$leasd is not declared; add a line `-- parameter: leasd TYPE = DEFAULT`"),
        (changed("$least", "1"), 5, "the SQL does not use $least"),
        (changed("$least", "?"), 12, "declare it in the header and write $name"),
        ("-- title: a\n-- view: b\nSELECT ? FROM b", 3, "declare it in the header and write $name"),
        (changed("AND window_start < $end", ""), 12, "the SQL does not use $end; write WHERE window_start >= $start"),
        (changed("LIMIT $limit", ""), 12, "the SQL does not use $limit; write LIMIT $limit"),
        (changed("-- limit: 20\n", ""), 14, "$limit is not declared; add a line `-- limit: ...`"),
        (changed("SELECT *", "SELEC *"), 12, "syntax error at or near"),
        (changed("LIMIT $limit", "LIMIT $limit; SELECT 1"), 12, "holds 2 statements"),
        ("-- title: a\n-- view: b\nDELETE FROM b", 3, "a lake is only read here"),
        ("-- title: a\n-- view: b\nCOPY b TO 'x'", 3, "a lake is only read here"),
        ("-- title: a\n-- view: b\n", 1, "is empty"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_and_the_fix(text: str, line: int, said: str) -> None:
    told = mistakes(text)
    assert any(mistake.startswith(f"line {line}: ") and said in mistake for mistake in told), told


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = changed("-- title:", "-- titel:").replace("limit: 20", "limit: x").replace("$least", "1")
    assert len(mistakes(text)) == 4


def test_a_file_that_is_no_text_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "bytes.sql").write_bytes(b"\xff\xfe")
    with pytest.raises(PipelineError, match=r"bytes\.sql: 1 mistake\n.*cannot be read as text"):
        read_report(tmp_path / "bytes.sql")


def test_a_file_is_read_again_when_it_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "orders.sql"
    path.write_text(GOOD)
    read_report(path)
    path.write_text(changed("Orders of a shop", "Other orders"))
    assert read_report(path).title == "Other orders"
