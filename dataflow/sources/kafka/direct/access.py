"""How brokers are reached without librdkafka: plain or by TLS, as librdkafka's own properties say."""

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataflow.errors import ConfigError
from dataflow.sources.kafka.properties import shown

CONNECT_SECONDS = 10.0
_PROTOCOL = "security.protocol"
_LEAVE = "leave `fetch` at librdkafka (no --fetch direct)"
_TLS = {
    *("ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location", "ssl.key.location", "ssl.key.password"),
    *("ssl.endpoint.identification.algorithm", "enable.ssl.certificate.verification"),
}
"""The properties of TLS that are understood here."""

Connect = Callable[[str, int], socket.socket]
"""Host and port to a connection. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to connect, who we are, and from which rack we read."""

    connect: Connect
    client_id: str
    rack: str

    @classmethod
    def of(cls, properties: Mapping[str, object]) -> "Access":
        """As a user's properties say. Raises ConfigError for a login, and for what of TLS is not understood here."""
        protocol = str(properties.get(_PROTOCOL, "plaintext"))
        if protocol.lower() not in ("plaintext", "ssl"):
            raise _refused(_PROTOCOL, properties, "records are fetched directly over plain or TLS connections alone")
        context = _context(properties) if protocol.lower() == "ssl" else None
        named, rack = properties.get("client.id", "tidemill"), properties.get("client.rack", "")
        return cls(_connect(context), str(named), str(rack))


def _connect(context: ssl.SSLContext | None) -> Connect:
    def connect(host: str, port: int) -> socket.socket:
        plain = socket.create_connection((host, port), CONNECT_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return plain if context is None else context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    return connect


def _context(properties: Mapping[str, object]) -> ssl.SSLContext:
    for name in properties:
        if name.startswith(("ssl.", "enable.ssl")) and name not in _TLS:
            why = "it is not understood where records are fetched directly"
            if name.startswith("ssl.keystore") or name.endswith(".pem"):
                why += ", which takes ssl.certificate.location and ssl.key.location, as PEM files"
            raise _refused(name, properties, why)
    context = _trusting(properties)
    context.check_hostname = str(properties.get("ssl.endpoint.identification.algorithm", "https")).lower() != "none"
    if str(properties.get("enable.ssl.certificate.verification", "true")).lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _show_certificate(context, properties)
    return context


def _trusting(properties: Mapping[str, object]) -> ssl.SSLContext:
    """Whoever librdkafka would trust."""
    location, pem = properties.get("ssl.ca.location"), properties.get("ssl.ca.pem")
    place = None if location in (None, "probe") else str(location)
    folder = place is not None and Path(place).is_dir()
    try:
        return ssl.create_default_context(
            cafile=None if folder else place, capath=place if folder else None, cadata=None if pem is None else str(pem)
        )
    except (OSError, ValueError) as error:
        name = "ssl.ca.pem" if location is None else "ssl.ca.location"
        raise _unread(name, properties, "authorities", error) from None


def _show_certificate(context: ssl.SSLContext, properties: Mapping[str, object]) -> None:
    certificate, key = properties.get("ssl.certificate.location"), properties.get("ssl.key.location")
    if certificate is None:
        return
    password = str(properties.get("ssl.key.password", ""))
    try:
        # with a password, so that nobody is asked for one at a terminal
        context.load_cert_chain(str(certificate), None if key is None else str(key), password)
    except (OSError, ValueError) as error:
        name = "ssl.certificate.location" if key is None else "ssl.key.location"
        raise _unread(
            name, properties, "a certificate and its key, with ssl.key.password where it has one", error
        ) from None


def _unread(name: str, properties: Mapping[str, object], what: str, error: Exception) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    value = shown(name, str(properties.get(name, "")))
    return ConfigError(f"kafka.{name}", value, f"it cannot be read ({why}): it has to be {what}, as PEM")


def _refused(name: str, properties: Mapping[str, object], why: str) -> ConfigError:
    return ConfigError(f"kafka.{name}", shown(name, str(properties.get(name, ""))), f"{why}; {_LEAVE}")
