"""Who asks: the address that a connection comes from, or the one that a trusted proxy tells."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

from dataflow.errors import ConfigError

Network = IPv4Network | IPv6Network

FORWARDED = "x-forwarded-for"


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """The networks of addresses like `10.0.0.7` and `10.0.0.0/8`. Raises ConfigError for what is neither."""
    found = []
    for each in written:
        try:
            found.append(ip_network(each))
        except ValueError as error:
            fix = f"write the addresses of your proxies, like 127.0.0.1 or 10.0.0.0/8, comma between ({error})"
            raise ConfigError("serve_proxies", each, fix) from None
    return tuple(found)


def client_of(request: Request, proxies: Sequence[Network]) -> str:
    """The address of who sends a request; "" where the connection has none.

    X-Forwarded-For counts only as far as proxies of ours have written it: each appends the address that it was asked
    from, so it is read from its end, up to the first address that is no proxy's. What stands before may be invented.
    """
    who = "" if request.client is None else request.client.host
    hops = [hop for header in request.headers.getlist(FORWARDED) for hop in header.split(",")]
    while hops and _is_in(who, proxies):
        told = _address(hops.pop())
        if told is None:
            break
        who = str(told)
    return who


def _is_in(who: str, proxies: Sequence[Network]) -> bool:
    address = _address(who)
    return address is not None and any(address in network for network in proxies)


def _address(written: str) -> IPv4Address | IPv6Address | None:
    """The address of a text, which may have a port behind it; None for what is none."""
    text = written.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    # a socket for both kinds tells a caller's IPv4 address so
    return getattr(found, "ipv4_mapped", None) or found
