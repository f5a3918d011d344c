"""One POST: its answer, or why there was none, within its time and at no other place."""

import time

import pytest

from emit.http_post import post
from runtime.ports import free_ports
from tests.hook_server import CLOSE, DRIP, HANG, hook_server


@pytest.mark.parametrize("status", [200, 204, 400, 410, 429, 500, 503])
def test_an_answer_is_told_as_it_came(status: int) -> None:
    with hook_server(lambda _: status) as hook:
        assert post(f"{hook.url}/in?a=1", b"{}", {"webhook-id": "x"}, 5).status == status
        (got,) = hook.got
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/in?a=1", b"{}", "x")
    assert got.headers["content-type"] == "application/json"


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with hook_server(lambda _: 307) as hook:
        assert post(hook.url, b"{}", {}, 5).status == 307
        assert [each.path for each in hook.got] == ["/"]


@pytest.mark.parametrize("how", [HANG, DRIP])
def test_one_that_hangs_is_left_in_time(how: int) -> None:
    with hook_server(lambda _: how) as hook:
        started = time.monotonic()
        answer = post(hook.url, b"{}", {}, 0.5)
        assert time.monotonic() - started < 10
    assert (answer.status, answer.reason) == (None, "no answer in 0.5 s")


def test_nobody_there_and_a_closed_connection_are_told() -> None:
    (port,) = free_ports(1)
    assert "refused" in post(f"http://127.0.0.1:{port}", b"{}", {}, 5).reason.lower()
    with hook_server(lambda _: CLOSE) as hook:
        assert post(hook.url, b"{}", {}, 5).status is None
