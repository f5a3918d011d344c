"""Who asks, directly and through proxies."""

import threading
from pathlib import Path

import httpx2
import pytest
from starlette.requests import Request

from dataflow.errors import ConfigError
from serve.api.client import client_of, networks
from tests.query.lakes import LakeMaker
from tests.serve.process import running
from tests.serve.served_lake import fill

PROXIES = networks(["10.0.0.0/8", "127.0.0.1", "fd00::/8"])
TOLD = [
    # nobody's header counts but a proxy's
    ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
    ("10.0.0.7", [], "10.0.0.7"),
    ("10.0.0.7", ["198.51.100.1"], "198.51.100.1"),
    # the last one that a proxy of ours has seen; what stands before is what that one said itself
    ("10.0.0.7", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
    ("10.0.0.7", ["1.2.3.4", "198.51.100.1, 10.0.0.8"], "198.51.100.1"),
    ("10.0.0.7", ["10.0.0.9, 127.0.0.1"], "10.0.0.9"),
    # ports, IPv6, IPv4 told by a socket of IPv6
    ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
    ("fd00::1", ["[2001:db8::5]:443"], "2001:db8::5"),
    ("::ffff:10.0.0.7", ["2001:db8::5"], "2001:db8::5"),
    # what is no address ends it
    ("10.0.0.7", ["198.51.100.1, unknown"], "10.0.0.7"),
    ("10.0.0.7", ["", ", ,"], "10.0.0.7"),
    ("testclient", ["198.51.100.1"], "testclient"),
]


def request_from(peer: str, forwarded: list[str]) -> Request:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return Request({"type": "http", "client": (peer, 5) if peer else None, "headers": headers})


@pytest.mark.parametrize(("peer", "forwarded", "who"), TOLD)
def test_a_forwarded_address_counts_as_far_as_proxies_of_ours_wrote_it(
    peer: str, forwarded: list[str], who: str
) -> None:
    assert client_of(request_from(peer, forwarded), PROXIES) == who
    assert client_of(request_from(peer, forwarded), ()) == peer


def test_a_connection_without_an_address_is_nobodys() -> None:
    assert client_of(request_from("", ["198.51.100.1"]), PROXIES) == ""


def test_what_is_no_address_is_refused_with_the_fix() -> None:
    for wrong in ("proxy.example", "10.0.0.1/8", "10.0.0.0/33"):
        with pytest.raises(ConfigError) as refused:
            networks(["127.0.0.1", wrong])
        assert (refused.value.key, refused.value.value) == ("serve_proxies", wrong)
        assert "like 127.0.0.1 or 10.0.0.0/8" in refused.value.fix


LONG = "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE a.range + b.range = c.range"


@pytest.mark.parametrize(("flags", "status"), [((), 503), (("--serve-proxies", "127.0.0.1"), 200)])
def test_callers_behind_a_proxy_do_not_share_what_one_may_have(
    tmp_path: Path, flags: tuple[str, ...], status: int
) -> None:
    with LakeMaker(tmp_path / "lake") as lake:
        fill(lake)
        with running(lake.folder, *flags) as (_, url), httpx2.Client(base_url=f"{url}/api/v1", timeout=60) as client:

            def ask(sql: str, who: str, id_: str) -> httpx2.Response:
                return client.post("/query", json={"sql": sql, "id": id_}, headers={"X-Forwarded-For": who})

            assert ask("SELECT 1 AS one", "198.51.100.1", "warm").status_code == 200

            def ask_long() -> None:
                # whoever looks whether it is at work may have its id for a moment
                while ask(LONG, "198.51.100.1", "long").status_code == 400:
                    pass

            busy = threading.Thread(target=ask_long)
            busy.start()
            while ask("SELECT 1 AS one", "198.51.100.1", "long").status_code != 400:
                pass
            # two children, so that one caller has one of them at most
            assert ask("SELECT 1 AS one", "198.51.100.2", "short").status_code == status
            assert client.delete("/query/long").status_code == 204
            busy.join(60)
