"""The values of parameters, as they are written."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from query.reports.values import TYPES, read_value


def test_values_are_exact_and_of_their_type() -> None:
    today = date(2026, 1, 2)
    written = {
        "text": (" a ", " a "),
        "integer": ("-5", -5),
        "number": ("0.10", Decimal("0.10")),
        "boolean": ("TRUE", True),
        "date": ("yesterday", date(2026, 1, 1)),
        "time": ("2026-01-01T12:00+02:00", datetime(2026, 1, 1, 10)),
        "duration": ("90s", timedelta(seconds=90)),
    }
    assert written.keys() == TYPES.keys()
    for name, (text, value) in written.items():
        assert read_value(TYPES[name], text, today) == value
        assert read_value(TYPES[name], TYPES[name].example, today) is not None


@pytest.mark.parametrize(
    ("type_", "text"),
    [("integer", "1.5"), ("integer", "9" * 19), ("integer", "٣"), ("number", "1e3"), ("number", "."), ("number", "nan"),
     ("boolean", "yes"), ("duration", "1 hour"), ("duration", "9" * 30 + "d")],
)  # fmt: skip
def test_a_value_that_is_none_of_its_type_is_refused_with_the_form(type_: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"is no {type_}; write "):
        read_value(TYPES[type_], text, date(2026, 1, 1))
