"""Parameters as they are written, read and described."""

import pytest

from query.moment import parse_time
from serve.ask.parameters import Parameter, read
from serve.problem import Problem

KNOWN = [
    Parameter("n", "integer", "A number.", 3, 1, 9),
    Parameter("big", "integer", "A number."),
    Parameter("yes", "boolean", "Or no.", False),
    Parameter("t", "time", "A time."),
    Parameter("every", "duration", "A span."),
    Parameter("form", "text", "One of two.", None, choices=("a", "b")),
    Parameter("each", "text", "Any.", many=True),
]


def test_what_is_not_given_has_its_default() -> None:
    assert read([], KNOWN) == {"n": 3, "big": None, "yes": False, "t": None, "every": None, "form": None, "each": []}


def test_values_are_of_their_kinds() -> None:
    pairs = [("n", "9"), ("yes", "true"), ("t", "2026-01-01T12:00+01:00"), ("every", "5m"), ("each", "x"), ("each", "")]
    values = read(pairs, KNOWN)
    assert (values["n"], values["yes"], values["every"], values["each"]) == (9, True, 300_000, ["x", ""])
    assert values["t"] == parse_time("2026-01-01T11:00Z")


def test_the_plus_of_an_offset_may_have_become_a_blank_on_its_way() -> None:
    assert read([("t", "2026-01-01T12:00:00 01:00")], KNOWN)["t"] == parse_time("2026-01-01T11:00Z")


@pytest.mark.parametrize(
    ("name", "written", "why"),
    [
        ("n", "0", "from 1 to 9"),
        ("n", "10", "from 1 to 9"),
        ("n", "1.0", "whole number"),
        ("n", "１", "whole number"),
        ("n", "--1", "whole number"),
        ("n", "-", "whole number"),
        ("n", "1_0", "whole number"),
        ("n", " 1", "whole number"),
        ("n", "", "whole number"),
        ("big", "9" * 30, "whole number"),
        ("yes", "True", "true or false"),
        ("t", "soon", "UTC time"),
        ("t", "9999-12-31T23:59:59-23:00", "UTC time"),
        ("every", "0s", "whole number and ms"),
        ("every", "999999999999d", "whole number and ms"),
        ("form", "c", "one of a, b"),
        ("each", "a\0b", "NUL"),
        ("each", "x" * 10_001, "longer than"),
        ("other", "1", "no such parameter"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_what_to_write(name: str, written: str, why: str) -> None:
    with pytest.raises(Problem, match=why) as refused:
        read([(name, written)], KNOWN)
    assert refused.value.status == 400


def test_a_name_that_comes_again_is_refused_unless_it_may() -> None:
    with pytest.raises(Problem, match="given twice"):
        read([("n", "1"), ("n", "1")], KNOWN)


def test_a_name_that_is_nearly_one_is_told() -> None:
    with pytest.raises(Problem, match="did you mean every"):
        read([("evry", "5m")], KNOWN)


def test_a_parameter_is_described_with_its_limits() -> None:
    assert KNOWN[0].described()["schema"] == {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}
    assert KNOWN[6].described()["schema"]["items"]["type"] == "string"
    assert KNOWN[5].described()["schema"]["enum"] == ["a", "b"]
