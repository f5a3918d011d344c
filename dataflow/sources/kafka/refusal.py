"""A broker that says no, in words: what stands in the way, and which right or property mends it."""

import re
from collections.abc import Mapping

from confluent_kafka import KafkaError

from dataflow.errors import SourceError
from dataflow.sources.kafka.listener import Listener
from dataflow.sources.kafka.properties import without_secrets

RIGHTS: Mapping[int, str] = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "the READ and DESCRIBE rights on the topic, WRITE to fill it",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "the READ right on the group, or set another `group`",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "the DESCRIBE right on the cluster",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "the WRITE and DESCRIBE rights on the transactional id",
}
"""What a user lacks whom the broker knows and refuses."""
_REFUSALS = RIGHTS.keys() | {
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNSUPPORTED_SASL_MECHANISM,
}
_PLACE = re.compile(r"^(?:\w+://)?[^/\s]+/\w+: ")
_STATE = re.compile(r" \(after \d+ms in state \w+(?:, \d+ identical error\(s\) suppressed)?\)")
_MECHANISMS = re.compile(r"supported mechanisms: (\S+)")
_WRONG_NAME = "mismatch"


def is_refusal(error: KafkaError) -> bool:
    """True when the broker knows us and says no: retrying does not help."""
    return error.code() in _REFUSALS


def said(error: KafkaError, properties: Mapping[str, object]) -> str:
    """The words of librdkafka without its threads, states and our secrets."""
    return without_secrets(_STATE.sub("", _PLACE.sub("", error.str())), properties)


def refused(
    error: KafkaError, brokers: str, properties: Mapping[str, object] | None = None, listener: Listener | None = None
) -> SourceError:
    """A refusal in one sentence and its fix; `listener` is what the port was found to be, where somebody looked."""
    given = properties or {}
    if error.code() in RIGHTS:
        what, fix = said(error, given), f"give {_who(given)} {RIGHTS[error.code()]}"
    else:
        what, fix = _from_listener(listener, given) or _from_words(error, given)
    return SourceError(f"Kafka at {brokers} refuses us: {what}. The fix: {fix}")


def mismatch(listener: Listener | None, properties: Mapping[str, object]) -> bool:
    """Whether what was found at the port shows that no connection with these properties can come about."""
    return _from_listener(listener, properties) is not None


def _who(properties: Mapping[str, object]) -> str:
    name = properties.get("sasl.username")
    return f"the user {name}" if name else "this user"


def _from_listener(listener: Listener | None, properties: Mapping[str, object]) -> tuple[str, str] | None:
    """What is wrong and the fix, as far as the port itself shows it."""
    if listener is None:
        return None
    protocol = str(properties.get("security.protocol", "PLAINTEXT")).upper()
    if listener.protocol is not None and listener.protocol != protocol:
        return _other_protocol(listener, protocol)
    if listener.tls and not protocol.endswith("SSL"):
        return "its port speaks TLS, and security.protocol is " + protocol, "set security.protocol to SSL or SASL_SSL"
    verified = str(properties.get("enable.ssl.certificate.verification", "true")).lower() == "true"
    if listener.untrusted is not None and verified:
        return _untrusted(listener.untrusted, properties)
    if listener.certificate and not {"ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"} & set(
        properties
    ):
        return "it asks for a client's certificate", "set ssl.certificate.location and ssl.key.location"
    return None


def _other_protocol(listener: Listener, protocol: str) -> tuple[str, str]:
    what = f"its port speaks {listener.protocol}, and security.protocol is {protocol}"
    fix = f"set security.protocol to {listener.protocol}"
    if not listener.tls and protocol.endswith("SSL"):
        # not lightly: what is asked to be secret would go over the network in the open
        return what, f"name the port of its {protocol} listener, or {fix} if nothing has to be secret on the way"
    if listener.login and not protocol.startswith("SASL"):
        fix += ", with sasl.mechanism, sasl.username and sasl.password"
    elif listener.tls and not protocol.endswith("SSL"):
        fix += ", with ssl.ca.location where its authority is not the system's"
    return what, f"{fix}, or name another port"


def _untrusted(why: str, properties: Mapping[str, object]) -> tuple[str, str]:
    if "expired" in why or "not yet valid" in why:
        return f"its {why}" if why.startswith(
            "certificate"
        ) else why, "renew it on the broker, or correct the clock of this machine"
    if _WRONG_NAME in why:
        fix = "name the broker in --brokers as its certificate does, or have it made out for this name as well"
        return f"its certificate is for another name ({why.rstrip('.')})", fix
    if "ssl.ca.location" in properties or "ssl.ca.pem" in properties:
        fix = "name with ssl.ca.location the PEM file of the authority that signed the broker's certificate"
        return f"its certificate is not signed by the authority given ({why})", fix
    return (
        f"its certificate is signed by no authority that this machine trusts ({why})",
        "name the PEM file of its authority with ssl.ca.location",
    )


def _from_words(error: KafkaError, properties: Mapping[str, object]) -> tuple[str, str]:
    """The same from librdkafka's text alone."""
    words = said(error, properties)
    if error.code() == KafkaError._SSL:
        return words, "check security.protocol, ssl.ca.location and the broker's certificate"
    if "alert" in words:
        fix = "check ssl.certificate.location and ssl.key.location: an authority of the broker has to have signed it"
        return f"it does not take our certificate ({words.rpartition('::')[2]})", fix
    if "sasl.oauthbearer.config" in words:
        return words, "write sasl.oauthbearer.config as principal=NAME, with scope=NAME and the like behind a space"
    if "OAUTHBEARER token" in words:
        fix = "check sasl.oauthbearer.token.endpoint.url, sasl.oauthbearer.client.id and sasl.oauthbearer.client.secret"
        return words, fix
    if "OAUTHBEARER" in str(properties.get("sasl.mechanism", properties.get("sasl.mechanisms", ""))):
        return words, "check what the token says: its subject, audience, scope and end against what the broker asks for"
    if found := _MECHANISMS.search(words):
        return words, f"set sasl.mechanism to one of {found[1].replace(',', ', ')}"
    return words, "check security.protocol, sasl.mechanism, sasl.username and sasl.password"
