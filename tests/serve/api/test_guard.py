"""What stands before every request: host, origin, token, and headers that go with answers."""

import pytest
from starlette.testclient import TestClient

from serve.api.guard import OPEN, is_loopback
from tests.query.lakes import LakeMaker
from tests.serve.served_lake import serving

TOKEN = "correct-horse-battery"
PATH = "/api/v1/schema"


def kind(answer) -> str:
    return answer.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True),
        ("127.0.0.1:8088", True),
        ("LOCALHOST.:1", True),
        ("[::1]:8088", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("192.0.2.1", False),
        ("127.0.0.1@evil.example", False),
        ("tidemill.example", True),
        ("", False),
        ("a b", False),
        ("[::1", False),
    ],
)
def test_only_its_own_names_are_answered_to(lake: LakeMaker, host: str, known: bool) -> None:
    with serving(lake.folder, hosts=("Tidemill.example",)) as client:
        answer = client.get(PATH, headers={"Host": host})
        assert answer.status_code == (200 if known else 421)
        if not known:
            assert kind(answer) == "wrong-host"


def test_a_server_for_other_machines_answers_to_any_address_but_to_no_other_name(lake: LakeMaker) -> None:
    with serving(lake.folder, host="0.0.0.0", token=TOKEN) as client:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        for host, status in (("192.0.2.1:8088", 200), ("[2001:db8::1]", 200), ("evil.example", 421)):
            assert client.get(PATH, headers={"Host": host, **bearer}).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://127.0.0.1:8088", 200),
        ("https://127.0.0.1:8088", 200),
        ("http://127.0.0.1:9999", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_pages_of_other_places_may_not_ask(client: TestClient, origin: str | None, status: int) -> None:
    answer = client.get(PATH, headers={} if origin is None else {"Origin": origin})
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_pages_of_allowed_places_may_ask_and_read(lake: LakeMaker) -> None:
    page = {"Origin": "https://board.example"}
    with serving(lake.folder, origins=("https://Board.example/",), token=TOKEN) as client:
        asked = client.options(PATH, headers={**page, "Access-Control-Request-Method": "GET"})
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "https://board.example")
        assert "Authorization" in asked.headers["access-control-allow-headers"]
        refused = client.get(PATH, headers=page)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://board.example")
        answer = client.get(PATH, headers={**page, "Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer é",
    ],
)
def test_without_the_token_nothing_is_answered(lake: LakeMaker, header: str) -> None:
    with serving(lake.folder, token=TOKEN) as client:
        given = [(b"Authorization", header.encode("latin-1"))] if header else []
        for path in (
            PATH,
            "/metrics",
            "/api/v1/stream",
            "/api/v1/query",
            "/nothing",
            "//api/v1/schema",
            "/docs/../metrics",
        ):
            answer = client.get(path, headers=given)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert TOKEN not in answer.text


def test_with_the_token_all_is_answered_and_some_needs_none(lake: LakeMaker) -> None:
    with serving(lake.folder, token=TOKEN) as client:
        assert client.get(PATH, headers={"Authorization": f"bearer  {TOKEN}"}).status_code == 200
        for path in OPEN - {"/favicon.ico"}:
            assert client.get(path).status_code in (200, 307), path
        assert client.get("/livez").json() == {"status": "ok"}


def test_every_answer_tells_browsers_to_be_careful(client: TestClient) -> None:
    for path in (PATH, "/docs", "/nothing", "/livez"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; ")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "Accept" in headers["vary"]


@pytest.mark.parametrize(
    ("host", "found"),
    [(host, True) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")]
    + [(host, False) for host in ("0.0.0.0", "::", "example.org", "")],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, found: bool) -> None:
    assert is_loopback(host) is found


def test_a_websocket_is_refused(client: TestClient) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/v1/stream"):
        pass
