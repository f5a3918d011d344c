"""One setting: what is read of what is written."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from runtime.setting import Setting, told


def of(annotation: Any, **limits: Any) -> Setting:
    return Setting.of(Annotated[annotation, told("it", **limits)], None)


@pytest.mark.parametrize(
    ("annotation", "written", "value"),
    [
        (int, "12", 12),
        (int, " -1 ", -1),
        (int, 7, 7),
        (int, 7.0, 7),
        (float, "1e3", 1000.0),
        (float, 2, 2.0),
        (bool, "Yes", True),
        (bool, "off", False),
        (bool, False, False),
        (bool, 1, True),
        (str, "x", "x"),
        (Path, "x", Path("x")),
        (Path | None, None, None),
        (int | None, "3", 3),
        (Literal["a", "b"], "b", "b"),
        (dict[str, str], {"a": "b"}, {"a": "b"}),
    ],
)
def test_a_value_is_read_as_its_type(annotation: Any, written: Any, value: Any) -> None:
    read = of(annotation).read(written)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("annotation", "written", "fix"),
    [
        (int, "1.5", "integer"),
        (int, 1.5, "integer"),
        (int, float("inf"), "integer"),
        (int, True, "integer"),
        (int, "", "integer"),
        (int, None, "integer"),
        (int, "١", "integer"),
        (float, "nan", "number"),
        (float, "inf", "number"),
        (float, True, "number"),
        (float, 10**400, "number"),
        (bool, 2, "true or false"),
        (bool, "", "true or false"),
        (str, 5, "text"),
        (Path, 5, "path"),
        (Literal["a", "b", "c"], "d", "should be 'a', 'b' or 'c'"),
        (Literal["a", "b"], [], "'a' or 'b'"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused(annotation: Any, written: Any, fix: str) -> None:
    with pytest.raises(ValueError, match=fix):
        of(annotation).read(written)


def test_limits_are_held() -> None:
    number, text, positive = of(int, least=1, most=3), of(str, least=1), of(float, above=0)
    assert [number.read(1), number.read(3), text.read("x"), positive.read(0.1)] == [1, 3, "x", 0.1]
    for setting, wrong, fix in [
        (number, 0, "greater than or equal to 1"),
        (number, 4, "less than or equal to 3"),
        (text, "", "empty"),
        (positive, 0, "greater than 0"),
        (of(str, pattern="a+"), "aab", r"match a\+"),
    ]:
        with pytest.raises(ValueError, match=fix):
            setting.read(wrong)
