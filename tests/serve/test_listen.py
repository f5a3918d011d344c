"""Sockets: who may be reached, and what is said of a place that is taken."""

import pytest

from dataflow.errors import ConfigError
from serve.listen import bind, url_of
from serve.served import Served


def test_any_free_port_is_told_by_its_address() -> None:
    with bind(Served(port=0)) as listening:
        assert url_of(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_other_machines_reach_it_only_with_a_token() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(ConfigError, match="a token is needed"):
            bind(Served(host=host, port=0))
    with bind(Served(host="0.0.0.0", port=0, token="a-long-enough-token")) as listening:
        assert url_of(listening).startswith("http://127.0.0.1:")


def test_a_port_that_is_taken_and_an_address_of_another_machine_are_told() -> None:
    with bind(Served(port=0)) as taken, pytest.raises(ConfigError, match=r"serve_port.*in use.*choose another port"):
        bind(Served(port=taken.getsockname()[1]))
    with pytest.raises(ConfigError, match=r"serve_host.*name an address of this machine"):
        bind(Served(host="192.0.2.1", port=0, token="a-long-enough-token"))
