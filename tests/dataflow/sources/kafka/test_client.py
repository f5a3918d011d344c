"""Properties and errors of the Kafka client, without a broker."""

import pytest
import structlog
from confluent_kafka import KafkaError

from dataflow.errors import BrokerUnreachable, ConfigError, SourceError
from dataflow.sources.kafka.client import ANSWER_BYTES, QUEUE_KBYTES, Trouble, admin_properties, consumer_properties
from dataflow.sources.kafka.hub import MOST_BUSY


def test_what_is_fetched_ahead_is_bounded_and_the_user_may_change_it() -> None:
    properties = consumer_properties("b:1", "g", {})
    assert (properties["queued.max.messages.kbytes"], properties["fetch.max.bytes"]) == (QUEUE_KBYTES, ANSWER_BYTES)
    assert consumer_properties("b:1", "g", {"queued.max.messages.kbytes": "7"})["queued.max.messages.kbytes"] == "7"


def test_the_more_partitions_there_are_the_less_is_asked_for_of_each() -> None:
    asked = [consumer_properties("b:1", "g", {}, partitions=count)["fetch.message.max.bytes"] for count in (1, 16, 32)]
    assert asked == [2**20, 2**20, 2**19]
    wide = consumer_properties("b:1", "g", {}, partitions=1_024)
    assert wide["fetch.message.max.bytes"] == 2**18
    assert MOST_BUSY * 2**20 < ANSWER_BYTES
    mine = consumer_properties("b:1", "g", {"max.partition.fetch.bytes": "9"}, partitions=4)
    # both names are of one property, of which librdkafka takes the last
    assert list(mine).index("max.partition.fetch.bytes") > list(mine).index("fetch.message.max.bytes")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enable.auto.commit", "true"),
        ("auto.commit.enable", True),
        ("enable.auto.offset.store", "true"),
        ("auto.offset.reset", "latest"),
        ("isolation.level", "read_uncommitted"),
        ("enable.partition.eof", "false"),
        ("bootstrap.servers", "other:9092"),
        ("group.id", "other"),
        ("enable.idempotence", "false"),
        ("transactional.id", "mine"),
        ("oauth_cb", "module.function"),
        ("logger", "x"),
    ],
)
def test_a_property_that_must_stay_ours_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(ConfigError) as told:
        consumer_properties("b:1", "g", {key: value})
    assert told.value.key == f"kafka.{key}"


def test_what_a_consumer_stands_on_is_ours() -> None:
    properties = consumer_properties("b:1", "g", {"client.id": "mine"})
    assert properties["enable.auto.commit"] == "false"
    assert properties["isolation.level"] == "read_committed"
    assert properties["auto.offset.reset"] == "error"
    assert (properties["group.id"], properties["client.id"]) == ("g", "mine")


def test_an_oauth_login_without_anything_that_brings_a_token_is_refused_before_it_is_tried() -> None:
    with pytest.raises(ConfigError, match=r"kafka\.sasl\.oauthbearer\.method = '': nothing brings a token; write oidc"):
        admin_properties("b:1", {"sasl.mechanism": "OAUTHBEARER"})


@pytest.mark.parametrize(("say", "hopeless"), [("ssl/tls alert bad certificate", True), ("Connection refused", False)])
def test_an_alert_of_the_other_side_is_a_refusal(say: str, hopeless: bool) -> None:
    trouble = Trouble("127.0.0.1:1", lambda: 0.0, {"security.protocol": "SSL"})
    trouble(KafkaError(KafkaError._TRANSPORT, say))
    assert trouble.is_hopeless() == hopeless


def test_a_secret_in_the_words_of_the_library_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    trouble = Trouble("b:1", lambda: 0.0, {"sasl.oauthbearer.client.secret": "hush-hush"})
    trouble(KafkaError(KafkaError._AUTHENTICATION, "no token for client_secret=hush-hush"))
    told = str(trouble.unreachable(KafkaError(KafkaError._TRANSPORT, "timed out")))
    captured = capsys.readouterr()
    assert "client_secret=****" in told
    assert "client_secret=****" in captured.out + captured.err
    assert "hush-hush" not in told + captured.out + captured.err


def test_metadata_requests_get_the_users_security_and_no_consumer_properties() -> None:
    mine = {"security.protocol": "SASL_SSL", "sasl.password": "x", "fetch.wait.max.ms": "5", "session.timeout.ms": "9"}
    properties = admin_properties("b:1", mine)
    assert properties["security.protocol"] == "SASL_SSL"
    assert properties["sasl.password"] == "x"
    assert not {"fetch.wait.max.ms", "session.timeout.ms"} & set(properties)


def test_a_refused_login_is_told_as_such_not_as_an_unreachable_broker() -> None:
    trouble = Trouble("b:1", lambda: 0.0)
    trouble(KafkaError(KafkaError._AUTHENTICATION, "SASL authentication error: no such user"))
    error = trouble.unreachable(KafkaError(KafkaError._TRANSPORT, "timed out"))
    assert not isinstance(error, BrokerUnreachable)
    assert "no such user" in str(error)
    assert "sasl.password" in str(error)


def test_errors_of_requests_are_told_apart() -> None:
    trouble = Trouble("b:1", lambda: 0.0)
    assert isinstance(trouble.failed(KafkaError(KafkaError._TIMED_OUT, "no answer")), BrokerUnreachable)
    denied = trouble.failed(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "denied"))
    assert type(denied) is SourceError
    assert "READ and DESCRIBE" in str(denied)
    assert "strange" in str(trouble.failed(KafkaError(KafkaError.INVALID_REQUEST, "strange")))


def test_trouble_is_logged_once_per_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()  # an earlier test may have sent the log elsewhere
    times = iter((0.0, 1.0, 9.9, 10.1, 15.0, 20.2))
    trouble = Trouble("b:1", lambda: next(times))
    for _ in range(6):
        trouble(KafkaError(KafkaError._TRANSPORT, "connection refused"))
    captured = capsys.readouterr()
    assert (captured.out + captured.err).count("connection refused") == 3
