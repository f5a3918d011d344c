import socket

import pytest

from runtime import ports
from runtime.ports import free_ports, is_free


def test_free_ports_are_free_and_differ() -> None:
    found = free_ports(3)
    assert len({*found, *free_ports(2, found)}) == 5
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", found[0]))


def test_one_that_is_listened_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_no_connection_that_goes_out_takes_one_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_first_outgoing", lambda: 20_000)
    assert max(free_ports(200)) < 20_000


def test_where_no_port_is_kept_from_them_any_free_one_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_first_outgoing", lambda: 1_024)
    assert len({*free_ports(20)}) == 20
