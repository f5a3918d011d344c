from typing import Any

import pytest

from serve.boards.values import (
    DURATION,
    NAMES,
    PARAMETERS,
    SPAN,
    TEXT,
    TEXTS_BY_NAME,
    Form,
    one_of,
    plain,
    some_of,
    whole,
)

RIGHT: list[tuple[Form, Any]] = [
    (TEXT, "Clicks"),
    (DURATION, "90s"),
    (SPAN, "today"),
    (SPAN, "1d"),
    (NAMES, ["clicks", "spend"]),
    (TEXTS_BY_NAME, {"revenue": "$"}),
    (PARAMETERS, {"minutes": 5, "day": "today"}),
    (whole(1, 12), 12),
    (one_of("bars", "line"), "line"),
    (some_of(("late", "dead")), ["dead"]),
]
WRONG: list[tuple[Form, Any, str]] = [
    (TEXT, " ", "write a text"),
    (DURATION, "0s", "write a duration"),
    (DURATION, "5 minutes", "write a duration"),
    (DURATION, 5, "write a duration"),
    (SPAN, "yesterday", '"today"'),
    (NAMES, [], "write a list of names"),
    (NAMES, "clicks", "write a list of names"),
    (NAMES, ["clicks", "clicks"], "once"),
    (TEXTS_BY_NAME, {"revenue": 1}, "a table of texts"),
    (PARAMETERS, {"minutes": 1.5}, "whole numbers"),
    (PARAMETERS, {"minutes": True}, "whole numbers"),
    (whole(1, 12), 13, "from 1 to 12"),
    (whole(1, 12), True, "from 1 to 12"),
    (one_of("bars", "line"), "pie", "bars, line"),
    (some_of(("late", "dead")), ["deaf"], "did you mean dead?"),
]


@pytest.mark.parametrize(("form", "value"), RIGHT)
def test_a_value_in_its_form_is_taken(form: Form, value: Any) -> None:
    assert form.check(value) is None


@pytest.mark.parametrize(("form", "value", "told"), WRONG)
def test_another_value_is_told_what_to_write(form: Form, value: Any, told: str) -> None:
    assert told in (form.check(value) or "")


def test_parameters_reach_the_page_as_texts() -> None:
    assert plain({"parameters": {"minutes": 5}, "width": 6}) == {"parameters": {"minutes": "5"}, "width": 6}
