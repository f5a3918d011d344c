"""The port of a run: metrics, health, and one sentence for all else."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dataflow.errors import ConfigError
from runtime import metrics
from runtime.endpoint import Health, serve
from runtime.ports import free_ports


def free_port() -> int:
    return free_ports(1)[0]


@contextmanager
def served(health: Health) -> Iterator[str]:
    port = free_port()
    end = serve("127.0.0.1", port, health)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        end()


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_a_run_that_is_well_says_so_and_one_that_stands_still_as_well() -> None:
    health = Health()
    with served(health) as address:
        assert get(f"{address}/healthz") == (200, '{"status": "ok", "stalled_s": 0.0}\n')
        health.stalled_s = lambda: 31.24
        code, said = get(f"{address}/healthz")
        assert (code, json.loads(said)) == (503, {"status": "stalled", "stalled_s": 31.2})


def test_metrics_are_those_of_prometheus_and_other_paths_are_told_what_there_is() -> None:
    metrics.COMMITS.inc()
    with served(Health()) as address:
        code, said = get(f"{address}/metrics")
        assert (code, "tidemill_commits_total" in said) == (200, True)
        assert get(f"{address}/") == (404, "There are /metrics and /healthz here.\n")


def test_a_port_that_is_taken_is_a_wrong_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"metrics_port = '{port}': cannot listen on 127.0.0.1:{port} .*in use"):
            serve("127.0.0.1", port, Health())


def test_an_address_of_another_machine_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match=r"metrics_host = '192\.0\.2\.1': cannot listen on .*0\.0\.0\.0 for all"):
        serve("192.0.2.1", free_port(), Health())


def test_a_port_beyond_the_last_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match=r"metrics_port = '65536': cannot listen on 127\.0\.0\.1:65536"):
        serve("127.0.0.1", 65_536, Health())


def test_an_address_of_the_other_protocol_is_served_where_this_machine_has_it() -> None:
    port = free_port()
    try:
        with socket.socket(socket.AF_INET6) as there:
            there.bind(("::1", 0))
    except OSError:
        with pytest.raises(ConfigError, match="metrics_host = '::1'"):
            serve("::1", port, Health())
        return
    end = serve("::1", port, Health())
    try:
        assert get(f"http://[::1]:{port}/healthz")[0] == 200
    finally:
        end()


def test_port_0_serves_nothing() -> None:
    serve("127.0.0.1", 0, Health())()
