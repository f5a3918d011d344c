"""What a server is told: where it listens, who may ask, how much one question may take."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from doctor.finding import Finding


class Served(NamedTuple):
    """Where and for whom. `hosts`: names beside the own ones by which it may be called; `origins`: pages of other
    places that may ask. `proxies`: those whose X-Forwarded-For tells who asks.
    `token`: whoever asks needs it; None lets everybody ask.

    `timeout_s` holds for every question, the `sql_` values for ad-hoc SQL in a process of its own. `examine` makes
    the findings of `tidemill doctor`. The newest windows of rollups are kept in memory as far back as `cache_reach`,
    and up to `cache_bytes`.
    """

    host: str = "127.0.0.1"
    port: int = 8088
    token: str | None = None
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    timeout_s: float = 30.0
    sql: bool = True
    sql_timeout_s: float = 30.0
    sql_memory_bytes: int = 2**30
    sql_rows: int = 100_000
    sql_bytes: int = 64 * 2**20
    sql_children: int = 2
    cache_bytes: int = 512 * 2**20
    cache_reach: timedelta = timedelta(hours=48)
    examine: Callable[[], Sequence[Finding]] | None = None

    def __repr__(self) -> str:
        """All but the token."""
        return f"Served(host={self.host!r}, port={self.port}, token={'****' if self.token else None})"
