"""A broker's refusals in words, without a broker."""

import pytest
from confluent_kafka import KafkaError

from dataflow.sources.kafka.listener import Listener
from dataflow.sources.kafka.refusal import RIGHTS, is_refusal, mismatch, refused, said

FAILED = KafkaError(KafkaError._AUTHENTICATION, "SASL authentication error: no")
SILENT = KafkaError(KafkaError._TRANSPORT, "Failed to get metadata")


def test_the_words_are_told_without_threads_states_and_secrets() -> None:
    words = "sasl_ssl://b:1/bootstrap: SASL authentication error: hush (after 301ms in state AUTH_REQ)"
    error = KafkaError(KafkaError._AUTHENTICATION, words)
    assert said(error, {"sasl.password": "hush"}) == "SASL authentication error: ****"


@pytest.mark.parametrize("code", RIGHTS)
def test_a_missing_right_names_the_user_and_the_right(code: int) -> None:
    error = KafkaError(code, "denied")
    assert is_refusal(error)
    assert f"The fix: give the user me {RIGHTS[code]}" in str(refused(error, "b:1", {"sasl.username": "me"}))
    assert "The fix: give this user " in str(refused(error, "b:1"))


@pytest.mark.parametrize(
    ("listener", "given", "words"),
    [
        (Listener(False, False), {}, None),
        (Listener(True, False), {"security.protocol": "ssl"}, None),
        (None, {"security.protocol": "ssl"}, None),
        (Listener(False, None), {"security.protocol": "SSL"}, None),
        (Listener(True, False), {}, "its port speaks SSL, and security.protocol is PLAINTEXT. The fix: set security.p"),
        (Listener(False, True), {}, "set security.protocol to SASL_PLAINTEXT, with sasl.mechanism, sasl.username and"),
        (Listener(True, None, certificate=True), {}, "its port speaks TLS, and security.protocol is PLAINTEXT"),
        (
            Listener(False, True),
            {"security.protocol": "SASL_SSL"},
            "name the port of its SASL_SSL listener, or set security.protocol to SASL_PLAINTEXT if nothing has to be",
        ),
        (Listener(True, None, certificate=True), {"security.protocol": "SSL"}, "it asks for a client's certificate"),
        (
            Listener(True, None, certificate=True),
            {"security.protocol": "SSL", "ssl.certificate.location": "x"},
            None,
        ),
        (
            Listener(True, False, untrusted="certificate has expired"),
            {"security.protocol": "SSL"},
            "its certificate has expired. The fix: renew it on the broker",
        ),
        (
            Listener(True, False, untrusted="self-signed certificate"),
            {"security.protocol": "SSL", "enable.ssl.certificate.verification": "false"},
            None,
        ),
    ],
)
def test_what_the_port_shows_is_told_before_what_the_library_says(
    listener: Listener | None, given: dict[str, str], words: str | None
) -> None:
    assert mismatch(listener, given) == (words is not None)
    told = str(refused(SILENT, "b:1", given, listener))
    assert words is None or words in told


@pytest.mark.parametrize(
    ("words", "given", "fix"),
    [
        ("no", {}, "check security.protocol, sasl.mechanism, sasl.username and sasl.password"),
        ("broker's supported mechanisms: PLAIN,OAUTHBEARER", {}, "set sasl.mechanism to one of PLAIN, OAUTHBEARER"),
        ("Failed to acquire SASL OAUTHBEARER token: x", {}, "check sasl.oauthbearer.token.endpoint.url"),
        ("invalid_token", {"sasl.mechanism": "OAUTHBEARER"}, "check what the token says"),
        ("Unrecognized sasl.oauthbearer.config", {}, "write sasl.oauthbearer.config as principal=NAME"),
        ("ssl/tls alert unknown ca", {}, "check ssl.certificate.location and ssl.key.location"),
    ],
)
def test_a_refused_login_names_what_to_look_at(words: str, given: dict[str, str], fix: str) -> None:
    assert f"The fix: {fix}" in str(refused(KafkaError(KafkaError._AUTHENTICATION, words), "b:1", given))


def test_an_ssl_error_alone_names_the_certificate() -> None:
    assert "ssl.ca.location and the broker's certificate" in str(refused(KafkaError(KafkaError._SSL, "x"), "b:1"))
