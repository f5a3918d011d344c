"""What doctor says of a run's port."""

import socket
import threading

import pytest

from doctor.endpoint import endpoint_finding
from doctor.finding import Severity
from runtime.endpoint import Health, serve
from runtime.settings import Settings, load_settings
from tests.runtime.test_endpoint import free_port


def settings(port: int, host: str = "127.0.0.1") -> Settings:
    return load_settings({"metrics_port": port, "metrics_host": host}, environ={})


def test_a_port_that_is_off_or_of_no_run_is_no_fault() -> None:
    off = endpoint_finding(settings(0), running=True)
    assert (off.severity, "metrics_port = 9464" in off.message) == (Severity.OK, True)
    idle = endpoint_finding(settings(9464, "::"), running=False)
    assert (idle.severity, idle.details) == (Severity.OK, {"address": "http://[::1]:9464"})


def test_a_run_that_answers_is_asked_how_it_is() -> None:
    health, port = Health(), free_port()
    end = serve("127.0.0.1", port, health)
    try:
        well = endpoint_finding(settings(port, "0.0.0.0"), running=True)
        assert (well.severity, well.message) == (
            Severity.OK,
            f"http://127.0.0.1:{port} answers /metrics and /healthz: ok",
        )
        health.stalled_s = lambda: 45.0
        stalled = endpoint_finding(settings(port), running=True)
        assert (stalled.severity, "stood still for 45.0 s" in stalled.message) == (Severity.ERROR, True)
    finally:
        end()


def test_no_proxy_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    port = free_port()
    end = serve("127.0.0.1", port, Health())
    try:
        assert endpoint_finding(settings(port), running=True).severity == Severity.OK
    finally:
        end()


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n", b"HTTP/1.0 200 OK\r\n\r\n[1]", b"HTTP/1.0 200 OK\r\n\r\n{}"])
def test_what_is_no_run_does_not_answer(said: bytes) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def answer() -> None:
            with other.accept()[0] as client:
                client.recv(4096)
                client.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        found = endpoint_finding(settings(other.getsockname()[1]), running=True)
        thread.join(10)
    assert (found.severity, "does not answer" in found.message) == (Severity.WARNING, True)


def test_a_run_that_does_not_answer_is_told_with_what_may_be_wrong() -> None:
    port = free_port()
    silent = endpoint_finding(settings(port), running=True)
    assert silent.severity == Severity.WARNING
    assert f"http://127.0.0.1:{port}/healthz does not answer" in silent.message
