"""A real broker that asks who you are: every security protocol on a port of its own, certificates made for the test."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.kafka_server import KafkaCluster
from runtime.ports import HOST, free_ports
from tests.kafka_fixture import admin, require_kafka_tools

USER = "tidemill"
PASSWORD = "test-hush-9f31"
"""Long and odd enough to be looked for in everything that a program says."""
KEY_PASSWORD = "test-key-hush-77"

_PROTOCOLS = {
    "PLAINTEXT": "PLAINTEXT",
    "SASL": "SASL_PLAINTEXT",
    "SASLSSL": "SASL_SSL",
    "TLS": "SSL",
    "MTLS": "SSL",
    "EXPIRED": "SSL",
}


@dataclass(frozen=True, slots=True)
class SecureKafka:
    """`ports` by listener; `certificates` has ca.pem, client.pem, client.key (encrypted), client.p12, other-ca.pem."""

    ports: Mapping[str, int]
    certificates: Path

    def at(self, listener: str, host: str = HOST) -> str:
        """Where a listener is: host:port."""
        return f"{host}:{self.ports[listener]}"

    @property
    def bootstrap(self) -> str:
        """Where everything is allowed to everybody: for the tests' own clients."""
        return self.at("PLAINTEXT")

    def set_password(self, user: str, password: str) -> None:
        """For SCRAM; a user that is new is made."""
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        made = admin(self.bootstrap).alter_user_scram_credentials(
            [UserScramCredentialUpsertion(user, how, password.encode())]
        )
        for future in made.values():
            future.result(30)

    def allow(self, operation: AclOperation, kind: ResourceType, name: str, user: str = USER) -> None:
        """Once a resource has one right, whoever has none is refused."""
        right = AclBinding(
            kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW
        )
        asked = admin(self.bootstrap).create_acls([right])
        for future in asked.values():
            future.result(30)


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Started, and stopped at the end."""
    require_kafka_tools()
    certificates = folder / "certificates"
    certificates.mkdir(parents=True)
    make_certificates(certificates)
    ports = dict(zip(_PROTOCOLS, free_ports(len(_PROTOCOLS)), strict=True))
    controller = free_ports(1, list(ports.values()))
    properties = _properties(ports, controller[0], certificates)
    cluster = KafkaCluster(
        folder / "kafka", 1, [ports["PLAINTEXT"]], controller, properties=properties, heap="512m", light=True
    )
    cluster.start()
    try:
        kafka = SecureKafka(ports, certificates)
        kafka.set_password(USER, PASSWORD)
        yield kafka
    finally:
        cluster.stop(timeout_seconds=10)


def _properties(ports: Mapping[str, int], controller: int, certificates: Path) -> dict[str, str]:
    listeners = ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
    found = {
        "listeners": f"{listeners},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}" for name, protocol in [*_PROTOCOLS.items(), ("CONTROLLER", "PLAINTEXT")]
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "allow.everyone.if.no.acl.found": "true",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates / "server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates / "ca.pem"),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.expired.ssl.keystore.type": "PEM",
        "listener.name.expired.ssl.keystore.location": str(certificates / "expired.pem"),
        "connection.failed.authentication.delay.ms": "20",
    }
    modules = "org.apache.kafka.common.security"
    jaas = {
        "plain": f'{modules}.plain.PlainLoginModule required user_{USER}="{PASSWORD}" ;',
        "scram-sha-512": f"{modules}.scram.ScramLoginModule required;",
        "oauthbearer": f'{modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="x";',
    }
    for listener in ("sasl", "saslssl"):
        found[f"listener.name.{listener}.sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-512,OAUTHBEARER"
        for mechanism, line in jaas.items():
            found[f"listener.name.{listener}.{mechanism}.sasl.jaas.config"] = line
    return found


def make_certificates(folder: Path) -> None:
    """An authority, a broker's certificate for 127.0.0.1 alone, an expired one, a client's; another authority."""
    for authority in ("ca", "other-ca"):
        _openssl(
            folder,
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-keyout", f"{authority}.key", "-out", f"{authority}.pem", "-subj", f"/CN=Test {authority}"),
        )
    for name, subject, days in (("server", "broker", 2), ("expired", "broker", -1), ("client", USER, 2)):
        _sign(folder, name, subject, days)
    for name in ("server", "expired"):
        both = (folder / f"{name}.plain.key").read_text() + (folder / f"{name}.crt").read_text()
        (folder / f"{name}.pem").write_text(both)
    (folder / "client.pem").write_text((folder / "client.crt").read_text())
    _openssl(
        folder,
        *("pkcs8", "-topk8", "-in", "client.plain.key", "-out", "client.key", "-passout", f"pass:{KEY_PASSWORD}"),
    )
    _openssl(
        folder,
        *("pkcs12", "-export", "-in", "client.crt", "-inkey", "client.plain.key", "-out", "client.p12"),
        *("-passout", f"pass:{KEY_PASSWORD}"),
    )


def _sign(folder: Path, name: str, subject: str, days: int) -> None:
    _openssl(
        folder,
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.plain.key"),
        *("-out", f"{name}.csr", "-subj", f"/CN={subject}"),
    )
    (folder / "san").write_text(f"subjectAltName=IP:{HOST}\n")
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", str(days), "-extfile", "san", "-out", f"{name}.crt"),
    )


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, text=True)
