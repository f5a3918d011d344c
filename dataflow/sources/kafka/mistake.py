"""A property that librdkafka does not take, as one message of ours: key, value and what to write instead."""

import difflib
import re
from collections.abc import Mapping

from confluent_kafka import libversion

from dataflow.errors import ConfigError
from dataflow.sources.kafka.properties import is_secret, shown, without_secrets
from dataflow.sources.kafka.property_names import property_names

_KERBEROS = (
    "the confluent-kafka that pip brings has no Kerberos (GSSAPI): set sasl.mechanism to PLAIN, SCRAM-SHA-256, "
    "SCRAM-SHA-512 or OAUTHBEARER, or install a librdkafka-dev of version {version} or newer, as Confluent's package "
    "repository has it, and build against it: `pip install --no-binary confluent-kafka confluent-kafka`"
)
_JAVA = {
    "ssl.truststore.location": "it is for Java; name a PEM file of the authorities with ssl.ca.location",
    "ssl.truststore.password": "it is for Java; leave it out, ssl.ca.location needs none",
    "ssl.truststore.type": "it is for Java; leave it out, ssl.ca.location is a PEM file",
    "ssl.keystore.type": "it is for Java; leave it out, ssl.keystore.location is a PKCS#12 file",
    "sasl.jaas.config": "it is for Java; write sasl.username and sasl.password",
    "sasl.login.callback.handler.class": "it is for Java; set sasl.oauthbearer.method to oidc",
}
"""What clients in Java have, with what is meant here."""
_CHOICES = {
    "security.protocol": "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    "sasl.oauthbearer.method": "default or oidc",
    "ssl.endpoint.identification.algorithm": "https or none",
}
_MECHANISMS = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
_UNKNOWN = re.compile(r'No such configuration property: "([^"]+)"')
_INVALID = re.compile(r'Invalid value (?:"[^"]*" )?for configuration property "([^"]+)"')
_RANGE = re.compile(r'Configuration property "([^"]+)" value \S+ is (outside allowed range [-\d.]+)')
_FAILED = re.compile(r"\b((?:ssl|https)\.[a-z.]+) failed: (.*)")
_MANDATORY = re.compile(r"`([\w.]+)` is mandatory when `([\w.=]+)`(?: is set)?")


def config_error(said: str, properties: Mapping[str, object]) -> ConfigError:
    """What librdkafka `said` of `properties` as a mistake in the settings, without secrets."""
    said = without_secrets(said.removeprefix("Failed to create admin client: ").strip(), properties)
    key, fix = _key_and_fix(said, properties)
    return ConfigError(f"kafka.{key}", shown(key, str(properties.get(key, ""))), fix)


def _key_and_fix(said: str, properties: Mapping[str, object]) -> tuple[str, str]:
    java = [name for name in _JAVA if name in properties]
    if java:
        return java[0], _JAVA[java[0]]
    if found := _UNKNOWN.search(said):
        near = difflib.get_close_matches(found[1], property_names(), n=1)
        return found[1], "Kafka's client has no such property" + (f"; did you mean {near[0]}?" if near else "")
    if found := _INVALID.search(said):
        choices = _CHOICES.get(found[1])
        return found[1], f"write {choices}" if choices else "Kafka's client does not take this value"
    if found := _RANGE.search(said):
        return found[1], f"it is {found[2]}"
    if "No provider for SASL mechanism" in said:
        key = _mechanism(properties)
        unset = "" if key in properties else "not set, so that Kafka's client takes Kerberos, and "
        return key, unset + _KERBEROS.format(version=libversion()[0])
    if "Unsupported SASL mechanism" in said:
        return _mechanism(properties), f"there is no such mechanism; write {_MECHANISMS}"
    if found := _MANDATORY.search(said):
        return found[1], f"{found[2]} needs it; set it"
    if "sasl.username and sasl.password must be set" in said:
        missing = "sasl.password" if properties.get("sasl.username") else "sasl.username"
        return missing, f"{properties[_mechanism(properties)]} needs sasl.username and sasl.password; set both"
    if found := _FAILED.search(said):
        return found[1], _unread(found[1], found[2], properties)
    return "properties", f"Kafka's client refuses them: {said}"


def check_token(properties: Mapping[str, object]) -> None:
    """Raise ConfigError where the mechanism is OAUTHBEARER and nothing would ever bring a token."""
    oauth = str(properties.get(_mechanism(properties), "")).upper() == "OAUTHBEARER"
    oidc = str(properties.get("sasl.oauthbearer.method", "")).lower() == "oidc"
    unsecured = str(properties.get("enable.sasl.oauthbearer.unsecure.jwt", "")).lower() == "true"
    if oauth and not oidc and not unsecured:
        key = "sasl.oauthbearer.method"
        fix = "nothing brings a token; write oidc, with sasl.oauthbearer.token.endpoint.url, client.id, client.secret"
        raise ConfigError(f"kafka.{key}", str(properties.get(key, "")), fix)


def _mechanism(properties: Mapping[str, object]) -> str:
    """The key under which the mechanism is given; librdkafka has two names for it."""
    return "sasl.mechanisms" if "sasl.mechanisms" in properties else "sasl.mechanism"


def _unread(key: str, said: str, properties: Mapping[str, object]) -> str:
    """A certificate, key or list that could not be taken, in OpenSSL's words at the end."""
    why = said.rpartition("::")[2] or said
    if key.startswith("ssl.key") and not key.endswith("password"):
        given = "ssl.key.password" in properties
        password = "is ssl.key.password its password" if given else "does it need ssl.key.password"
        return f"the private key cannot be read ({why}): is it a PEM that this user may read, and {password}?"
    if key.endswith(("location", "pem")):
        what = "the certificate" if is_secret(key) or key.startswith("ssl.cert") else "it"
        return f"{what} cannot be read ({why}): it has to be PEM, in a file that is there and that this user may read"
    return f"OpenSSL does not take it ({why})"
