"""Where the metrics are served."""

import socket

import pytest

from dataflow import metrics
from dataflow.errors import ConfigError


def test_a_port_that_is_taken_is_a_wrong_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"metrics_port = {port}: cannot listen on 127.0.0.1:{port} .*in use"):
            metrics.serve(port)


def test_port_0_serves_nothing() -> None:
    metrics.serve(0)
