"""Alive, ready, and figures."""

from pathlib import Path

from starlette.testclient import TestClient

from tests.query.lakes import LakeMaker
from tests.serve.served_lake import fill, serving


def test_it_is_alive_without_a_lake_and_ready_with_one(tmp_path: Path) -> None:
    with serving(tmp_path / "lake") as client:
        assert client.get("/livez").status_code == 200
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "tidemill run" in answer.json()["hint"]
        assert answer.headers["retry-after"] == "2"
        assert client.get("/api/v1/schema").status_code == 503
        with LakeMaker(tmp_path / "lake") as lake:
            fill(lake)
        assert client.get("/readyz").json() == {"status": "ok", "snapshot": 2}
        assert client.get("/api/v1/schema").status_code == 200


def test_who_has_no_token_is_told_no_path(tmp_path: Path) -> None:
    with serving(tmp_path / "lake", token="a-long-enough-token") as client:
        told = client.get("/readyz").json()
        assert str(tmp_path) not in str(told)
        assert "setting `lake`" in told["detail"]
    with serving(tmp_path / "lake") as client:
        assert str(tmp_path) in client.get("/readyz").json()["detail"]


def test_figures_are_there(client: TestClient) -> None:
    client.get("/livez")
    assert 'tidemill_serve_request_seconds_count{route="/livez"} 1.0' in client.get("/metrics").text
