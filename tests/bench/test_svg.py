"""Plots are well-formed, hold every name and number, and put points where their values are."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.svg import bars, lines, nice_ceiling, number

SVG = "{http://www.w3.org/2000/svg}"


def texts(image: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(image).iter(f"{SVG}text")]


def test_bars_are_as_long_as_their_values_and_say_them() -> None:
    image = bars("Rates", "events/s", [("ours & <mine>", 2_000_000.0), ("theirs", 500_000.0)], ours="ours")
    page, *rows = ElementTree.fromstring(image).findall(f"{SVG}rect")
    assert page.get("fill") == "#ffffff"
    long, short = (float(row.get("width") or 0) for row in rows)
    assert rows[0].get("fill") != rows[1].get("fill")
    assert long == pytest.approx(4 * short, rel=0.01)
    assert {"ours & <mine>", "theirs", "2 M", "500 k"} <= set(texts(image))


def test_a_line_goes_from_the_left_to_the_right_by_the_logarithm_where_asked() -> None:
    points = [(1.0, 10.0), (10.0, 10.0), (100.0, 0.0)]
    image = lines("Growth", "keys", "events/s", {"ours": points}, logarithmic=True)
    xs = [float(dot.get("cx") or 0) for dot in ElementTree.fromstring(image).iter(f"{SVG}circle")]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)
    ys = [float(dot.get("cy") or 0) for dot in ElementTree.fromstring(image).iter(f"{SVG}circle")]
    assert ys[0] == ys[1] < ys[2]
    assert "keys" in texts(image)


def test_a_plot_without_points_is_refused() -> None:
    with pytest.raises(ValueError, match="no point to draw"):
        lines("Growth", "keys", "events/s", {"ours": []})


@given(st.floats(1e-6, 1e12))
def test_the_axis_ends_at_or_above_the_highest_value_and_not_far_from_it(value: float) -> None:
    assert value <= nice_ceiling(value) * (1 + 1e-6)
    assert nice_ceiling(value) <= 2.01 * value


def test_numbers_are_short() -> None:
    assert [number(each) for each in (0.0, 0.874, 12.0, 1_234.0, 1_268_000.0)] == [
        "0",
        "0.874",
        "12",
        "1.23 k",
        "1.27 M",
    ]
