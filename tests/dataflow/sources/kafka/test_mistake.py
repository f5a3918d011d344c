"""What librdkafka does not take is one message with key, value and fix: asked of the library itself, no broker."""

from pathlib import Path

import pytest
from confluent_kafka import libversion
from confluent_kafka.admin import AdminClient

from dataflow.errors import ConfigError
from dataflow.sources.kafka.client import admin_properties, build

SASL = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}
HUSH = "very-hush"


def told(properties: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        build(AdminClient, admin_properties("127.0.0.1:1", properties))
    assert caught.value.exit_code == 2
    assert "recompile" not in str(caught.value)
    assert HUSH not in str(caught.value)
    # a traceback shows the causes as well
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        (
            {"securty.protocol": "SSL"},
            "kafka.securty.protocol = 'SSL': Kafka's client has no such property; did you mean security.protocol?",
        ),
        (
            {"sasl.pasword": HUSH},
            "kafka.sasl.pasword = '****': Kafka's client has no such property; did you mean sasl.password?",
        ),
        ({"x": "y"}, "kafka.x = 'y': Kafka's client has no such property"),
        (
            {"security.protocol": "SASLSSL"},
            "kafka.security.protocol = 'SASLSSL': write PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
        ),
        ({"debug": "all-of-it"}, "kafka.debug = 'all-of-it': Kafka's client does not take this value"),
        ({"socket.timeout.ms": "1"}, "kafka.socket.timeout.ms = '1': it is outside allowed range 10..300000"),
        ({**SASL, "sasl.username": "me"}, "kafka.sasl.password = '': PLAIN needs sasl.username and sasl.password"),
        ({**SASL, "sasl.password": HUSH}, "kafka.sasl.username = '': PLAIN needs"),
        (
            {**SASL, "sasl.mechanism": "SCRAM"},
            "kafka.sasl.mechanism = 'SCRAM': there is no such mechanism; write PLAIN",
        ),
        (
            {"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.id": "me"},
            "kafka.sasl.oauthbearer.token.endpoint.url = '': sasl.oauthbearer.method=oidc needs it; set it",
        ),
        ({"sasl.jaas.config": HUSH}, "kafka.sasl.jaas.config = '****': it is for Java; write sasl.username"),
        ({"ssl.truststore.location": "x.jks"}, "kafka.ssl.truststore.location = 'x.jks': it is for Java; name a PEM"),
        ({"ssl.truststore.password": HUSH}, "kafka.ssl.truststore.password = '****': it is for Java"),
        (
            {"security.protocol": "SSL", "ssl.ca.location": "/no/ca.pem"},
            "kafka.ssl.ca.location = '/no/ca.pem': it cannot be read",
        ),
        (
            {"security.protocol": "SSL", "ssl.certificate.location": "/no/c.pem"},
            "kafka.ssl.certificate.location = '/no/c.pem': the certificate cannot be read",
        ),
        (
            {"security.protocol": "SSL", "ssl.key.location": "/no/c.key"},
            "kafka.ssl.key.location = '/no/c.key': the private key cannot be read",
        ),
        ({"security.protocol": "SSL", "ssl.key.pem": HUSH}, "kafka.ssl.key.pem = '****': the private key cannot be"),
        ({"security.protocol": "SSL", "ssl.cipher.suites": "x"}, "kafka.ssl.cipher.suites = 'x': OpenSSL does not"),
    ],
)
def test_a_property_that_is_not_taken_is_one_sentence(properties: dict[str, str], said: str) -> None:
    assert told(properties).startswith(said)


@pytest.mark.parametrize("mechanism", [{}, {"sasl.mechanism": "GSSAPI"}, {"sasl.mechanisms": "GSSAPI"}])
def test_kerberos_which_no_wheel_has_is_told_with_both_ways_out(mechanism: dict[str, str]) -> None:
    said = told({"security.protocol": "SASL_PLAINTEXT", **mechanism})
    key = next(iter(mechanism), "sasl.mechanism")
    assert said.startswith(f"kafka.{key} = {mechanism.get(key, '')!r}: ")
    assert ("not set, so that Kafka's client takes Kerberos" in said) == (not mechanism)
    assert f"librdkafka-dev of version {libversion()[0]} or newer" in said
    assert "pip install --no-binary confluent-kafka confluent-kafka" in said
    assert "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER" in said


def test_the_wrong_password_of_a_key_is_told_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "c.key").write_text("no key\n")
    said = told({"security.protocol": "SSL", "ssl.key.location": f"{tmp_path}/c.key", "ssl.key.password": HUSH})
    assert "is ssl.key.password its password?" in said
