"""Which properties of a connection are understood where records are fetched directly, and which are refused."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import ConfigError
from dataflow.sources.kafka.direct.access import Access
from tests.secure_kafka import KEY_PASSWORD, make_certificates


@pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT", "sasl_ssl"])
def test_a_login_is_refused_with_the_way_out(protocol: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Access.of({"security.protocol": protocol, "sasl.password": "hush-hush"})
    assert (refused.value.key, refused.value.value) == ("kafka.security.protocol", protocol)
    assert "leave `fetch` at librdkafka" in refused.value.fix
    assert "hush" not in str(refused.value)


def test_what_of_tls_is_not_understood_is_refused_by_its_name() -> None:
    for name in ("ssl.keystore.location", "ssl.cipher.suites", "ssl.crl.location"):
        with pytest.raises(ConfigError) as refused:
            Access.of({"security.protocol": "SSL", name: "x"})
        assert refused.value.key == f"kafka.{name}"
    with pytest.raises(ConfigError) as refused:
        Access.of({"security.protocol": "ssl", "ssl.key.pem": "hush-hush"})
    assert "hush" not in str(refused.value)
    assert "ssl.key.location" in refused.value.fix
    # without TLS they have no meaning
    assert Access.of({"ssl.keystore.location": "x", "client.id": "me", "client.rack": "r1"}).rack == "r1"


def test_certificates_and_keys_are_taken_as_librdkafka_takes_them(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    tls = {"security.protocol": "SSL"}
    ca = {"ssl.ca.location": str(tmp_path / "ca.pem")}
    own = {
        "ssl.certificate.location": str(tmp_path / "client.pem"),
        "ssl.key.location": str(tmp_path / "client.key"),
        "ssl.key.password": KEY_PASSWORD,
    }
    for properties in (tls, tls | ca, tls | {"ssl.ca.pem": (tmp_path / "ca.pem").read_text()}, tls | ca | own):
        Access.of(properties)
    with pytest.raises(ConfigError, match=r"ssl\.ca\.location"):
        Access.of(tls | {"ssl.ca.location": str(tmp_path / "nothing.pem")})
    with pytest.raises(ConfigError, match=r"ssl\.ca\.pem.*cannot be read"):
        Access.of(tls | {"ssl.ca.pem": "nothing"})
    for changes in ({"ssl.key.password": "wrong-word"}, {"ssl.key.location": str(tmp_path / "other-ca.key")}):
        with pytest.raises(ConfigError, match=r"ssl\.key\.location.*cannot be read") as refused:
            Access.of(tls | ca | own | changes)
        assert "wrong-word" not in str(refused.value)
    del own["ssl.key.password"]
    with pytest.raises(ConfigError, match=r"ssl\.key\.location"):
        Access.of(tls | ca | own)


def test_a_certificate_is_not_looked_at_where_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ssl.SSLContext] = []
    real = ssl.create_default_context

    def make(**asked: Any) -> ssl.SSLContext:
        made.append(real(**asked))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", make)
    Access.of({"security.protocol": "SSL", "enable.ssl.certificate.verification": "false"})
    Access.of({"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "none"})
    Access.of({"security.protocol": "SSL"})
    assert [context.verify_mode for context in made] == [ssl.CERT_NONE, ssl.CERT_REQUIRED, ssl.CERT_REQUIRED]
    assert [context.check_hostname for context in made] == [False, False, True]
