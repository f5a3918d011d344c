"""Filters: what is taken, what is refused and how that is said."""

import pickle
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from dataflow.filter.expression import ConditionError
from dataflow.filter.parse import parse

SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("n", pa.int64()),
        ("cost", pa.decimal128(18, 6)),
        ("score", pa.float64()),
        ("ok", pa.bool_()),
        ("day", pa.date32()),
        ("geo.city", pa.string()),
        ("tags", pa.list_(pa.string())),
    ]
)
BATCH = pa.RecordBatch.from_pylist(
    [
        {"kind": "click", "n": 1, "cost": Decimal("0.1"), "score": 0.1, "ok": True, "geo.city": "Rome"},
        {"kind": "view", "n": 2**62, "cost": Decimal("0.3"), "score": 0.3, "ok": False, "geo.city": None},
        {"kind": None, "n": None, "cost": None, "score": None, "ok": None, "geo.city": "Oslo"},
    ],
    SCHEMA,
)


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("kind = 'click'", [True, False, None]),
        ("kind <> 'click' OR n IS NULL", [False, True, True]),
        ("NOT kind = 'click'", [False, True, None]),
        ("ok", [True, False, None]),
        ("NOT ok AND kind = 'view'", [False, True, None]),
        ("geo.city = 'Rome'", [True, None, False]),
        ('"geo.city" IS NOT NULL', [True, False, True]),
        ("kind IN ('click', 'x')", [True, False, None]),
        ("kind NOT LIKE 'cl%'", [False, True, None]),
        ("kind LIKE '_iew'", [False, True, None]),
        ("cost + cost + cost = 0.3", [True, False, None]),
        ("score + score + score = 3e-1", [False, False, None]),
        ("n * 4 = 18446744073709551616", [False, True, None]),
        ("n / 2 = 0.5", [True, False, None]),
        ("n / 0 > 1e300", [True, True, None]),
        ("-n < 0 AND n BETWEEN 1 AND 2", [True, False, None]),
        ("TRUE", [True, True, True]),
        ("1 > 2 OR FALSE", [False, False, False]),
        ("'a' LIKE 'A'", [False, False, False]),
        ("'é' > 'z'", [True, True, True]),
        ("(ok = TRUE) IS NULL", [False, False, True]),
        ("n -- how many\n = 1", [True, False, None]),
    ],
)
def test_a_condition_is_true_false_or_unknown(text, answers):
    assert parse(text, SCHEMA).evaluate(BATCH).to_pylist() == answers


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("knid = 'click'", "at character 1, near knid", "unknown column knid; did you mean kind?"),
        ("n = 1 AND Kind = 'x'", "at character 11, near Kind", "did you mean kind?"),
        ("geo.town = 'x'", "near geo.town", "unknown column geo.town"),
        ("tags = 'x'", "at character 1", "type list<item: string> cannot be used"),
        ("kind = 1", "at character 1, near kind = 1", '"kind" is text and 1 is a number'),
        ("n = '1'", "at character 1", "both sides must be of one type"),
        ("day > '2026-01-01'", "at character 1", "write DATE 'YYYY-MM-DD'"),
        ("day > DATE '2026-13-01'", "at character 12", "not a date"),
        ("ok > FALSE", "at character 1", "booleans have no order"),
        ("kind", "at character 1", "this is text, but a condition must be true or false"),
        ("n + 1", "at character 1", "this is a number, but a condition"),
        ("kind || 'x' = 'y'", "at character 1", "not allowed in a filter"),
        ("kind + 1 = 2", "at character 1, near kind", "+ needs numbers, this is text"),
        ("n % 2 = 0", "at character 1, near n % 2", "not allowed in a filter; allowed are comparisons, AND"),
        ("lower(kind) = 'x'", "at character 1, near LOWER(kind)", "not allowed in a filter"),
        ("CAST(n AS VARCHAR) = 'x'", "at character 6", "casts are not allowed"),
        ("n::double > 1", "at character 1", "casts are not allowed"),
        ("n = (SELECT 1)", "near (SELECT 1)", "not allowed in a filter"),
        ("n IN (SELECT 1)", "at character 1", "not allowed in a filter"),
        ("n IN (1, cost)", "at character 10, near cost", "IN takes literals only"),
        ("n IN ()", "at character 1", "at least one value"),
        ("kind IN (1)", "at character 1", "must be of one type"),
        ("kind LIKE geo.city", "at character 1", "literal pattern"),
        ("n LIKE '1%'", "at character 1", "LIKE needs text"),
        ("kind LIKE 'a!%' ESCAPE '!'", "near kind LIKE", "not allowed in a filter"),
        ("kind ILIKE 'a'", "at character 1", "not allowed in a filter"),
        ("kind = NULL", "near NULL", "write IS NULL or IS NOT NULL"),
        ("n IN (1, NULL)", "near NULL", "write IS NULL"),
        ("ok IS TRUE", "at character 1", "not allowed in a filter"),
        ("n = ?", "near ?", "not allowed in a filter"),
        ("n = $1", "near $1", "not allowed in a filter"),
        ("n = 1 = ok", "at character 1, near n = 1", "put it in parentheses"),
        ("n BETWEEN SYMMETRIC 2 AND 1", "at character 1", "not allowed in a filter"),
        ("CASE WHEN ok THEN ok END", "at character 11", "not allowed in a filter"),
        ("n = 1; n = 2", "at character 1", "more than one statement"),
        ("DROP TABLE x", "at character 1, near DROP", "not a SQL condition"),
        ("n = 1 n", "at character 7, near n", "not a SQL condition"),
        ("n = ", "at character 3, near =", "something is missing"),
        ("n = 'x", "check quotes", "not a SQL condition"),
        ("  ", "", "the condition is empty; leave `where` out"),
        ("n = 1e999", "at character 5", "too large"),
        ("n = " + "9" * 39, "at character 5", "at most 38 digits"),
        (" * ".join(["cost"] * 7) + " > 0", "at character 1", "42 decimals"),
        ("(" * 2000 + "ok" + ")" * 2000, "", "nested too deeply"),
    ],
)
def test_anything_else_is_refused_with_the_place_and_the_reason(text, place, reason):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        parse(text, SCHEMA)
    assert place in str(caught.value)
    assert reason in str(caught.value)


def test_the_canonical_text_needs_no_rules_of_precedence():
    expression = parse("n=1 and not kind in ('a','it''s') or -n + 2 * cost > .5", SCHEMA)
    assert expression.sql == ("""(("n" = 1) AND (NOT ("kind" IN ('a', 'it''s')))) OR (((-"n") + (2 * "cost")) > 0.5)""")
    assert expression.columns == {"n", "kind", "cost"}


def test_a_long_chain_is_no_deep_tree():
    text = " OR ".join(f"n = {number}" for number in range(500))
    assert parse(text, SCHEMA).evaluate(BATCH).to_pylist() == [True, False, None]


def test_text_is_compared_on_the_dictionary_where_there_is_one():
    kinds = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], pa.int32()), pa.array(["click", None]))
    for text, answers in [
        ("kind = 'click'", [True, None, None, True]),
        ("'click' < kind", [False, None, None, False]),
        ("kind IN ('click')", [True, None, None, True]),
        ("kind LIKE 'c%k'", [True, None, None, True]),
        ("kind IS NULL", [False, True, True, False]),
        ("kind = kind", [True, None, None, True]),
    ]:
        assert parse(text, SCHEMA).evaluate({"kind": kinds}).to_pylist() == answers, text


def test_an_empty_dictionary_knows_nothing():
    kinds = pa.DictionaryArray.from_arrays(pa.array([None, None], pa.int32()), pa.array([], pa.string()))
    assert parse("kind = 'x'", SCHEMA).evaluate({"kind": kinds}).to_pylist() == [None, None]


def test_no_rows_give_no_answers():
    assert len(parse("kind = 'x' AND cost > 1", SCHEMA).evaluate(BATCH.slice(0, 0))) == 0


def test_an_expression_travels_between_processes():
    expression = parse("kind = 'click' AND cost > 0.05", SCHEMA)
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert again.evaluate(BATCH).to_pylist() == [True, False, None]


VALUES = {"kind": ("click", "view", "it's"), "n": (1, 2)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind = 'clik'", "at character 1, near kind = 'clik': kind is never 'clik'; did you mean 'click'?"),
        ("'vew' = kind", "kind is never 'vew'; did you mean 'view'?"),
        ("(kind) <> ('vew')", "kind is never 'vew'; did you mean 'view'?"),
        ("kind != 'zzz'", "kind is never 'zzz'; there are 'click', 'view', 'it''s'"),
        ("ok AND NOT kind = 'its'", "kind is never 'its'; did you mean 'it''s'?"),
        ("kind IN ('click', 'vew')", "at character 1, near kind IN ('click', 'vew'): kind is never 'vew'"),
        ("n > 0 OR kind NOT IN ('vew')", "at character 10, near kind IN ('vew'): kind is never 'vew'; did you mean"),
        ("kind = ''", "kind is never ''; there are"),
        ("n = 3", "n is never 3; there are 1, 2"),
        ("n IN (1, -1)", "n is never -1"),
        ("n <> 1.5", "n is never 1.5"),
    ],
)
def test_a_literal_that_its_column_never_holds_is_refused(text, told):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        parse(text, SCHEMA, VALUES)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "kind = 'click'",
        "'view' <> kind",
        "kind IN ('click', 'view', 'it''s')",
        "kind NOT IN ('click')",
        "kind > 'clik' OR kind BETWEEN 'a' AND 'z' OR kind LIKE 'clik%' OR kind IS NULL",
        "n = 1.0 AND n <> 2e0 AND n < 3 AND n + 1 = 3",
        "geo.city = 'Roma' AND 'a' = 'b' AND kind = geo.city AND cost = 7",
    ],
)
def test_literals_that_it_holds_and_comparisons_of_order_are_taken(text):
    assert parse(text, SCHEMA, VALUES) == parse(text, SCHEMA)


def mistakes(text: str, **more: Any) -> tuple[str, ...]:
    with pytest.raises(ConditionError) as caught:
        parse(text, SCHEMA, VALUES, **more)
    return caught.value.mistakes


def test_one_mistake_hides_none_beside_it():
    told = mistakes("knd = 'x' AND (n > 'a' OR oky) AND kind IN ('clik', 'vew', n) AND m BETWEEN lo AND 3")
    assert [each.partition(": ")[2].partition(";")[0] for each in told] == [
        "unknown column knd",
        "\"n\" is a number and 'a' is text",
        "unknown column oky",
        "IN takes literals only",
        "unknown column m",
        "unknown column lo",
    ]
    assert len(mistakes("kind IN ('clik', 'vew', 'view')")) == 2
    assert len(mistakes("a = b + c")) == 3
    assert len(mistakes("a = 1 AND a = 1")) == 2  # each has a place of its own


def test_of_a_column_that_is_unread_nothing_is_said_and_all_else_is():
    unread = {"lost", "lost.inner"}.__contains__
    assert mistakes("lost = 'x'", unread=unread) == ()
    assert mistakes("lost.inner > 1 OR lost + 1 = 2", unread=unread) == ()
    (told,) = mistakes("lost = 'x' AND lots = 1", unread=unread)
    assert "unknown column lots" in told
