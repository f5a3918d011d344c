"""What a broker's port speaks and asks for: looked at by a connection of our own, where Kafka's client cannot say.

librdkafka tells an unknown authority, an expired certificate and a wrong name by one text, and of a port that speaks
another protocol than asked for often no more than that nobody answers.
"""

import socket
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 2.0
_DEFAULT_PORT = 9092
_API_VERSIONS, _METADATA = 18, 3
_NOT_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST")


@dataclass(frozen=True, slots=True)
class Listener:
    """A port where something listens. `tls`: it speaks TLS; `login`: it answers no question before a SASL login.

    `certificate`: it wants a client's certificate; `untrusted`: why its own is not taken by the authorities given,
    in OpenSSL's words. None where that did not come out.
    """

    tls: bool
    login: bool | None = None
    certificate: bool = False
    untrusted: str | None = None

    @property
    def protocol(self) -> str | None:
        """The security.protocol that it takes."""
        if self.login is None:
            return None
        return ("SASL_" if self.login else "") + ("SSL" if self.tls else "PLAINTEXT")


def look(brokers: str, properties: Mapping[str, object], seconds: float = LOOK_SECONDS) -> Listener | None:
    """What the first of `brokers` that takes a connection is; None where none does. Each wait ends after `seconds`.

    Trust is judged by `ssl.ca.location` or `ssl.ca.pem` of `properties`, else by the system's authorities.
    """
    for broker in brokers.split(","):
        host, port = _address(broker)
        try:
            with socket.create_connection((host, port), seconds):
                pass
        except (OSError, ValueError):
            continue
        return _look(host, port, properties, seconds)
    return None


def _address(broker: str) -> tuple[str, int]:
    """Host and port of one broker as librdkafka reads them: `[SSL://]host[:port]`, `[::1]:9092`."""
    place = broker.strip().rpartition("://")[2]
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit():
        return place.strip("[]"), _DEFAULT_PORT
    return host.strip("[]"), int(port)


def _look(host: str, port: int, properties: Mapping[str, object], seconds: float) -> Listener | None:
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), seconds) as plain,
            anything.wrap_socket(plain, server_hostname=host) as channel,
        ):
            login, certificate = _asks(channel)
    except ssl.SSLError as error:
        if error.reason not in _NOT_TLS:
            # it spoke TLS to refuse us: before TLS 1.3 that is how a missing certificate is told
            return Listener(tls=True, certificate="CERTIFICATE" in str(error.reason))
        return _look_plainly(host, port, seconds)
    except OSError:
        return _look_plainly(host, port, seconds)
    return Listener(True, login, certificate, _distrust(host, port, properties, seconds))


def _look_plainly(host: str, port: int, seconds: float) -> Listener | None:
    try:
        with socket.create_connection((host, port), seconds) as channel:
            login, _ = _asks(channel)
    except OSError:
        return None
    return Listener(False, login)


def _asks(channel: socket.socket) -> tuple[bool | None, bool]:
    """Whether it wants a login, and a certificate: it answers which versions it knows, and then a real question or not.

    Not even the first without a certificate that it wants; TLS 1.3 tells that with the first answer.
    """
    try:
        if not _answers(channel, _API_VERSIONS, 0, b""):
            return None, False
    except ssl.SSLError as error:
        return None, "ALERT" in str(error.reason)
    # no topic at all
    return not _answers(channel, _METADATA, 1, struct.pack(">i", 0)), False


def _answers(channel: socket.socket, api: int, version: int, body: bytes) -> bool:
    request = struct.pack(">hhih", api, version, 1, -1) + body
    with suppress(ConnectionError, TimeoutError, ssl.SSLEOFError):
        channel.sendall(struct.pack(">i", len(request)) + request)
        size = struct.unpack(">i", _exactly(channel, 4))[0]
        _exactly(channel, min(size, 1 << 20))
        return True
    return False


def _exactly(channel: socket.socket, size_bytes: int) -> bytes:
    read = b""
    while len(read) < size_bytes:
        more = channel.recv(size_bytes - len(read))
        if not more:
            raise ConnectionResetError
        read += more
    return read


def _distrust(host: str, port: int, properties: Mapping[str, object], seconds: float) -> str | None:
    location, pem = properties.get("ssl.ca.location"), properties.get("ssl.ca.pem")
    try:
        folder = location is not None and Path(str(location)).is_dir()
        file = str(location) if location not in (None, "probe") and not folder else None
        context = ssl.create_default_context(
            cafile=file, capath=str(location) if folder else None, cadata=None if pem is None else str(pem)
        )
        context.check_hostname = properties.get("ssl.endpoint.identification.algorithm") != "none"
        with socket.create_connection((host, port), seconds) as plain, context.wrap_socket(plain, server_hostname=host):
            return None
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message)
    except OSError:
        return None
