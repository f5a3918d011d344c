"""Panels as they are written in a query string."""

import pytest
from starlette.testclient import TestClient

from serve.api.stream_route import MOST_PANELS, panels_of
from serve.problem import Problem


def test_panels_have_names_of_their_viewers_own_and_are_told_apart_by_what_they_ask() -> None:
    found = panels_of(["a:reports/x?minutes=5&limit=2", "b:reports/x?limit=2&minutes=5", "c:/api/v1/status"])
    assert found["a"][0] == found["b"][0] != found["c"][0]
    assert [question.is_table for _, question in found.values()] == [True, True, False]


@pytest.mark.parametrize(
    ("panel", "why"),
    [
        ("status", "write NAME:PATH"),
        (":status", "write NAME:PATH"),
        ("x:", "nothing at this path"),
        ("x:nothing", "nothing at this path"),
        ("x:snapshots", "takes too long for a feed"),
        ("x:status?format=json", "no meaning in a feed"),
        ("x:reports/y?cursor=abc", "no meaning in a feed"),
        ("x:status?as_off=1", "no such parameter"),
        ("x" * 65 + ":status", "write NAME:PATH"),
    ],
)
def test_a_panel_that_is_wrong_is_refused_before_the_stream_begins(client: TestClient, panel: str, why: str) -> None:
    answer = client.get("/api/v1/stream", params={"panel": panel})
    assert answer.status_code in (400, 404)
    assert why in str(answer.json())


def test_a_feed_has_no_more_panels_than_a_page_needs() -> None:
    with pytest.raises(Problem, match="at most"):
        panels_of([f"p{number}:status" for number in range(MOST_PANELS + 1)])
    with pytest.raises(Problem, match="given twice"):
        panels_of(["a:status", "a:schema"])
