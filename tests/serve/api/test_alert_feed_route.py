"""The feed of alerts over HTTP: refused before it begins, or followed by a client of another process."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.query.lakes import LakeMaker
from tests.serve.feed.watching import Event, events_of
from tests.serve.process import running
from tests.serve.served_lake import alert

PATH = "/api/v1/alerts/feed"


@pytest.mark.parametrize(
    ("query", "status", "why"),
    [
        ("rule=bussy", 400, "did you mean busy"),
        ("severity=urgent", 400, "write one of info"),
        ("since=now", 400, "write a whole number"),
        ("sinse=1", 400, "did you mean since"),
    ],
)
def test_what_is_wrong_is_told_before_the_stream_begins(
    alert_client: TestClient, query: str, status: int, why: str
) -> None:
    answer = alert_client.get(f"{PATH}?{query}")
    assert answer.status_code == status
    assert why in answer.json()["detail"]


def test_a_lake_without_rules_has_no_feed(client: TestClient) -> None:
    assert client.get(PATH).status_code == 404


@contextmanager
def opened(url: str, **headers: str) -> Iterator[Any]:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as stream:
        yield stream


def alerts(stream: Any, count: int) -> list[Event]:
    """The next `count` alerts."""
    found: list[Event] = []
    block = ""
    while len(found) < count:
        line = stream.readline().decode()
        block += line
        if line == "\n":
            found += [event for event in events_of(block) if event.kind == "alert"]
            block = ""
    return found


def test_a_client_that_comes_back_goes_on_where_it_was(ruled: LakeMaker) -> None:
    with running(ruled.folder) as (_, address):
        with urllib.request.urlopen(f"{address}/api/v1/alerts?limit=1", timeout=60) as answer:
            since = json.load(answer)["snapshot"]["id"]
        ruled.commit({"alert_changes": [alert("x", 6), alert("y", 6)]})
        with opened(f"{address}{PATH}?since={since}") as stream:
            assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            (first,) = alerts(stream, 1)
        ruled.commit({"alert_changes": [alert("z", 7)]})
        # its own place counts for more than where it began
        with opened(f"{address}{PATH}?since={since}", **{"Last-Event-ID": str(first.id)}) as stream:
            rest = alerts(stream, 2)
        told = [event.data["message"] for event in (first, *rest)]
        assert sorted(told[:2]) == ["x is busy", "y is busy"]
        assert told[2] == "z is busy"


def test_the_feed_wants_the_token_too(ruled: LakeMaker) -> None:
    with running(ruled.folder, TIDEMILL_SERVE_TOKEN="s3cret-of-the-test") as (_, address):
        with pytest.raises(urllib.error.HTTPError, match="401"), opened(f"{address}{PATH}"):
            pass
        with opened(f"{address}{PATH}?since=3", Authorization="Bearer s3cret-of-the-test") as stream:
            assert len(alerts(stream, 2)) == 2
