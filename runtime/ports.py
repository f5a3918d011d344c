"""Ports on 127.0.0.1 that nothing listens on."""

import random
import socket
from collections.abc import Sequence
from pathlib import Path

HOST = "127.0.0.1"
_FIRST_PORT = 12_000


def free_ports(count: int, besides: Sequence[int] = ()) -> list[int]:
    """Ports on 127.0.0.1 that nothing listens on now.

    Where there is room, they are of those that the system gives to no connection that goes out: of these, one that is
    free now may be taken a moment later.
    """
    ports: list[int] = []
    below = _first_outgoing()
    while len(ports) < count:
        with socket.socket() as probe:
            port = random.randrange(_FIRST_PORT, below) if below > _FIRST_PORT + 1_000 else 0
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            port = probe.getsockname()[1]
        if port not in besides and port not in ports:
            ports.append(port)
    return ports


def _first_outgoing() -> int:
    """The first port that a connection may leave from; 0 where the system does not tell."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def is_free(port: int) -> bool:
    """Whether nothing listens on it, connections that have ended aside."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
