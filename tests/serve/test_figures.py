"""The server's figures in Prometheus' form."""

from starlette.testclient import TestClient

from serve.figures import Figures


def test_two_servers_count_for_themselves() -> None:
    first, second = Figures(), Figures()
    first.requests.labels("/livez", "200").inc()
    assert b'tidemill_serve_requests_total{route="/livez",status="200"} 1.0' in first.page()
    assert b"tidemill_serve_requests_total{" not in second.page()


def test_requests_are_counted_by_route_and_not_by_path(client: TestClient) -> None:
    client.get("/api/v1/reports/clicks_per_ad")
    client.get("/api/v1/reports/nothing")
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'tidemill_serve_requests_total{route="/api/v1/reports/{name}",status="200"} 1.0' in page.text
    assert 'tidemill_serve_requests_total{route="/api/v1/reports/{name}",status="404"} 1.0' in page.text
    assert "nothing" not in page.text
