"""What a port speaks where no broker is: nobody, somebody silent, somebody else. Brokers: tests/test_security.py."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from dataflow.sources.kafka.listener import Listener, _address, look


@pytest.mark.parametrize(
    ("broker", "place"),
    [
        ("b.example:9093", ("b.example", 9093)),
        ("b.example", ("b.example", 9092)),
        (" SASL_SSL://b:1 ", ("b", 1)),
        ("[::1]:9093", ("::1", 9093)),
        ("[::1]", ("::1", 9092)),
    ],
)
def test_an_address_is_read_as_the_client_reads_it(broker: str, place: tuple[str, int]) -> None:
    assert _address(broker) == place


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_where_nothing_listens_nothing_is_found() -> None:
    assert look("127.0.0.1:1,no-such-host.invalid:9092", {}, 0.2) is None


def test_a_silent_port_is_left_after_a_bounded_wait(server: socket.socket) -> None:
    began = time.monotonic()
    found = look(f"127.0.0.1:1,127.0.0.1:{server.getsockname()[1]}", {}, 0.2)
    assert found == Listener(tls=False, login=None)
    assert found.protocol is None
    assert time.monotonic() - began < 10


def test_a_port_that_is_no_broker_shows_no_protocol(server: socket.socket) -> None:
    def chat() -> None:
        while True:
            try:
                channel, _ = server.accept()
            except OSError:
                return
            with channel:
                channel.recv(100)
                channel.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    threading.Thread(target=chat, daemon=True).start()
    found = look(f"127.0.0.1:{server.getsockname()[1]}", {}, 0.5)
    assert found is not None
    assert found.protocol is None
