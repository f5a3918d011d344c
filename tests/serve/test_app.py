"""The whole app over a real lake: routes, problems, headers that go with every answer."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.query.lakes import LakeMaker, clicks


def test_a_report_of_a_file_answers_with_the_snapshot_it_was_asked_of(client: TestClient) -> None:
    answer = client.get("/api/v1/reports/clicks_per_ad", params={"minutes": 2, "limit": 2})
    told = answer.json()
    assert answer.status_code == 200
    assert told["rows"] == [
        {"ad_id": "b", "clicks": 9, "spend": "0.150000"},
        {"ad_id": "a", "clicks": 8, "spend": "0.050000"},
    ]
    assert told["snapshot"] == {"id": 2, "time": "2026-01-01T12:08:00Z"}
    assert told["provisional_from"] == "2026-01-01T12:07:00Z"
    assert answer.headers["etag"].startswith('"2-')


def test_every_answer_has_a_request_id_that_may_be_brought_along(client: TestClient) -> None:
    assert client.get("/livez", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = client.get("/livez", headers={"X-Request-Id": "not one"}).headers["x-request-id"]
    assert len(made) == 32
    assert client.get("/api/v1/nothing").json()["request_id"] != made


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "no-such-path"),
        ("GET", "/api/v1/reports/nothing", 404, "report-unknown"),
        ("POST", "/api/v1/reports", 405, "wrong-method"),
        ("GET", "/api/v1/query", 405, "wrong-method"),
        ("OPTIONS", "/api/v1/reports", 405, "wrong-method"),
        ("HEAD", "/api/v1/stream", 405, "wrong-method"),
        ("GET", "/api/v1/reports?x=1", 400, "wrong-parameter"),
        ("GET", "/api/v1/snapshots?limit=0", 400, "wrong-parameter"),
        ("GET", "/api/v1/schema?as_of=77", 404, "snapshot-unknown"),
        ("GET", "/api/v1/schema?as_of=soon", 400, "wrong-question"),
        ("GET", "/api/v1/schema?as_of=99999999999999999999", 400, "wrong-question"),
        ("GET", "/api/v1/schema?as_of=9999-12-31T23:59:59-23:59", 400, "wrong-question"),
        ("GET", "/api/v1/schema?format=csv", 400, "wrong-parameter"),
    ],
)
def test_what_is_wrong_is_told_as_a_problem(client: TestClient, method: str, path: str, status: int, kind: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    if method != "HEAD":
        told = answer.json()
        assert told["type"] == f"urn:tidemill:problem:{kind}"
        assert told["request_id"] == answer.headers["x-request-id"]
        assert told["hint"]


def test_head_has_the_headers_of_get_and_no_body(client: TestClient) -> None:
    got, head = client.get("/api/v1/schema"), client.head("/api/v1/schema")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers["etag"] == got.headers["etag"]


def test_a_new_commit_is_in_the_next_answer(client: TestClient, lake: LakeMaker) -> None:
    path = "/api/v1/reports/ad_clicks_1m?key.ad_id=z&last=1d"
    assert client.get(path).json()["rows"] == []
    lake.commit({"ad_clicks_1m_delta": [clicks("z", 7, 4)]})
    assert [row["clicks"] for row in client.get(path).json()["rows"]] == [4]


def test_the_description_names_every_route_but_files(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    routes: Any = getattr(client.app, "routes", ())
    paths = {route.path for route in routes if getattr(route, "include_in_schema", False)}
    assert set(described["paths"]) == paths
    assert "/api/v1/stream" in paths
