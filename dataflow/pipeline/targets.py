"""Where rows and alerts go beside the lake, as a user declares it: `from tidemill import kafka, webhook`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dataflow.durations import Duration
from dataflow.formats.declared import Format, json

FINAL, EVERY_COMMIT = "final", "every_commit"
WHEN = (FINAL, EVERY_COMMIT)

EARLIEST, LATEST = "earliest", "latest"
STARTS = (EARLIEST, LATEST)

TRIES = 6
"""How often a webhook is asked to take an alert."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """A topic that rows of a rollup, or changes of alerts, are written to: each once, in transactions.

    `when` and `key` are about rows of a rollup, `rules` and `early` about alerts. Without `brokers` it is the source's
    cluster; `properties` are librdkafka's, added to those of the source's. `format` is that of values; keys are JSON.
    """

    topic: str
    when: str | None = None
    key: Sequence[str] | None = None
    rules: Sequence[str] | None = None
    brokers: str | None = None
    properties: Mapping[str, str] | None = None
    start: str = EARLIEST
    format: Format = field(default_factory=json)
    early: bool | str = False


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that changes of alerts are posted to. `secret` names a variable of the environment."""

    url: str
    secret: str
    name: str = "webhook"
    rules: Sequence[str] | None = None
    tries: int = TRIES
    timeout: Duration = "10s"
    start: str = LATEST


def kafka(
    topic: str,
    *,
    when: str | None = None,
    key: Sequence[str] | None = None,
    rules: Sequence[str] | None = None,
    brokers: str | None = None,
    properties: Mapping[str, str] | None = None,
    start: str = EARLIEST,
    format: Format | None = None,
    early: bool | str = False,
) -> Kafka:
    """A topic for rows of a rollup (`emit=`) or for alerts (`alerts_to=`); it has to be there.

    `when`: "final" (left out, it is that) writes each row once, when its window is final; "every_commit" the newest
    value of each key and window. `key`: the columns of the record's key, keys and window where left out. `rules`: only
    alerts of these rules. `start`: what a new target gets of a lake that is there: "earliest" all, "latest" only what
    comes from then on. `format`: of values, json() where left out; avro() and protobuf() register a schema made of
    the columns as subject TOPIC-value, in the registry that [kafka] names. `early`: write raised alerts, before the
    commit that holds them, to a topic of its own as well, as JSON: TOPIC-early, or the one that is named here; at least
    once, with the ids and numbers of the committed changes.
    """
    made = json() if format is None else format
    return Kafka(topic, when, key, rules, brokers, properties, start, made, early)


def webhook(
    url: str,
    *,
    secret: str,
    name: str = "webhook",
    rules: Sequence[str] | None = None,
    tries: int = TRIES,
    timeout: Duration = "10s",
    start: str = LATEST,
) -> Webhook:
    """A URL for alerts (`alerts_to=`), signed as Standard Webhooks says.

    `url` may refer to the environment, as in "https://example.com/${TOKEN}"; `secret` is the name of the variable that
    holds the secret. `name` tells webhooks of a pipeline apart. `rules`, `start` as of `kafka`. `tries`: how often
    one alert is tried, each for `timeout` at most, before it goes to table webhook_dead_letters.
    """
    return Webhook(url, secret, name, rules, tries, timeout, start)
