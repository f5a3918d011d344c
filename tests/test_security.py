"""docs/security.md against a real broker that asks who you are: each example reads, each refusal is one sentence."""

import base64
import json
import os
import re
import shlex
import ssl
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import structlog
from confluent_kafka import Producer
from confluent_kafka.admin import AclOperation, ResourceType
from structlog.testing import capture_logs

from dataflow.errors import ConfigError, SourceError
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from dataflow.sources.generator.adstream import AdStream
from dataflow.sources.kafka.direct.access import Access
from dataflow.sources.kafka.listener import Listener, look
from dataflow.sources.kafka.properties import OWNED
from dataflow.sources.kafka.source import KafkaSource
from dataflow.sources.source import Reader
from deploy.topic_filler import TopicFiller, ensure_topic
from runtime.origins import origins
from runtime.settings import Settings, load_settings
from runtime.sources import open_source
from tests.kafka_fixture import fresh_topic, produce
from tests.secure_kafka import KEY_PASSWORD, PASSWORD, USER, SecureKafka, secure_kafka
from tests.slowness import slowness

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
ADS = str(ROOT / "pipelines" / "ads.py")
SECRETS = (PASSWORD, KEY_PASSWORD)
SECONDS = 20
LISTENERS = {
    "TLS": "TLS",
    "TLS with a client certificate (mTLS)": "MTLS",
    "User and password over TLS": "SASLSSL",
    "User and password without TLS": "SASL",
    "OAuth": "SASLSSL",
}
"""Which port of the test's broker the examples under a head are for."""


def examples() -> Iterator[tuple[str, str]]:
    """(head, settings file) of every example of the page."""
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE):
        head = section.partition("\n")[0]
        for block in re.findall(r"^```toml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            yield head, block


EXAMPLES = list(examples())


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("secure")) as made:
        yield made


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load(ADS)


@pytest.fixture(scope="module")
def topic(broker: SecureKafka) -> str:
    name = fresh_topic(broker.bootstrap)
    produce(broker.bootstrap, name, [b"{}"] * 3)
    return name


class _Tokens(BaseHTTPRequestHandler):
    """Gives whoever knows the secret a token that the broker takes: unsecured, as it is set up for the test."""

    lifetime_s = 300
    given = 0

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = self.headers["Authorization"] == f"Basic {login}" and "grant_type=client_credentials" in form
        now = int(time.time())
        parts: list[dict[str, object]] = [
            {"alg": "none"},
            {"sub": USER, "iat": now, "exp": now + _Tokens.lifetime_s, "scope": "kafka"},
        ]
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        answer: dict[str, object] = {
            "access_token": f"{token}.",
            "token_type": "Bearer",
            "expires_in": _Tokens.lifetime_s,
        }
        _Tokens.given += known
        body = json.dumps(answer if known else {"error": "invalid_client"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """No line a request."""


@pytest.fixture(scope="module")
def tokens(broker: SecureKafka) -> Iterator[str]:
    """The address of a token endpoint, whose certificate the broker's authority has signed."""
    server = HTTPServer(("127.0.0.1", 0), _Tokens)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(broker.certificates / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/token"
    server.shutdown()
    server.server_close()


class Place:
    """A folder with a settings file of the page, its placeholders replaced by what the test has."""

    def __init__(self, folder: Path, broker: SecureKafka, tokens: str) -> None:
        self.folder, self._broker, self._tokens = folder, broker, tokens
        self.environ = {"KAFKA_PASSWORD": PASSWORD}
        for name, text in (("kafka-password", PASSWORD), ("kafka-client-secret", PASSWORD)):
            (folder / name).write_text(f"{text}\n")
        (folder / "kafka-key-password").write_text(KEY_PASSWORD)

    def write(self, head: str, example: str, topic: str, **other: str) -> None:
        at = self._broker.at(LISTENERS[head])
        text = re.sub(r"kafka\.example\.com:\d+", at, example)
        text = text.replace("/etc/tidemill", str(self._broker.certificates))
        text = text.replace("/run/secrets", str(self.folder)).replace(
            "https://login.example.com/oauth2/token", self._tokens
        )
        assert "example.com" not in text
        for key, value in other.items():
            text = re.sub(rf'^"{re.escape(key)}" = .*$', f'"{key}" = "{value}"', text, flags=re.MULTILINE)
        (self.folder / "tidemill.toml").write_text(f'topic = "{topic}"\n{text}')

    def settings(self) -> Settings:
        return load_settings({}, self.environ, self.folder)

    def tidemill(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
        environ = {**kept, **self.environ, "PYTHONPATH": str(ROOT), "TIDEMILL_PIPELINE": ADS}
        return subprocess.run(
            [sys.executable, "-m", "run", *arguments],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            umask=0o077,
        )


@pytest.fixture
def place(tmp_path: Path, broker: SecureKafka, tokens: str) -> Place:
    return Place(tmp_path, broker, tokens)


def read(reader: Reader, count: int) -> int:
    """How many records come within some seconds, up to `count`."""
    deadline, found = time.monotonic() + 4 * SECONDS, 0
    while found < count and time.monotonic() < deadline:
        poll = reader.poll(100, 1 << 20)
        found += 0 if poll is None else poll.records.num_rows
        time.sleep(0.02)
    return found


def test_every_way_has_an_example() -> None:
    assert {head for head, _ in EXAMPLES} == LISTENERS.keys()
    assert len(EXAMPLES) == 7


@pytest.mark.parametrize(("head", "example"), EXAMPLES, ids=[f"{n}-{head}" for n, (head, _) in enumerate(EXAMPLES)])
def test_an_example_of_the_page_reads(place: Place, plan: Plan, topic: str, head: str, example: str) -> None:
    place.write(head, example, topic)
    settings = place.settings()
    for text in (repr(settings), str(origins(settings))):
        assert not [secret for secret in SECRETS if secret in text]
    source = open_source(settings, plan, lambda: datetime.now(UTC))
    reader = source.open(f"{topic}/0", None, None)
    assert read(reader, 3) == 3
    reader.close()
    source.close()


OIDC = next(example for _, example in EXAMPLES if "oidc" in example)
OVER_TLS = next(example for head, example in EXAMPLES if head == "User and password over TLS")


def test_every_command_that_asks_kafka_logs_in_and_tells_no_secret(place: Place, broker: SecureKafka) -> None:
    place.write("User and password over TLS", OVER_TLS, f"by-commands-{os.getpid()}")
    steps = [
        (("produce", "--count", "300", "--partitions", "2"), "wrote 300 records"),
        (("run", "--bounded", "--log-level", "debug"), "ended"),
        (("doctor",), "Kafka answers at"),
        (("audit",), "proven: every record"),
        (("config", "show"), "${KAFKA_PASSWORD}"),
    ]
    for arguments, words in steps:
        done = place.tidemill(*arguments)
        said = done.stdout + done.stderr
        assert done.returncode == 0 or (arguments[0] == "doctor" and done.returncode == 1), said
        assert words in said
        assert not [secret for secret in SECRETS if secret in said]
    made = [path for name in ("lake", "recovery") for path in (place.folder / name).rglob("*")]
    # as the page says: nobody else reads where the umask is 077
    assert len(made) > 5
    assert [path for path in made if path.stat().st_mode & 0o077] == []


def test_the_flags_of_the_page_do_as_the_file(place: Place, topic: str) -> None:
    ((line,),) = [block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
    program, *flags = shlex.split(line)
    given = [flag.partition("=")[0] for flag in flags if "=" in flag]
    assert (program, given) == ("tidemill", ["security.protocol", "sasl.password"])
    rest = "".join(row for row in OVER_TLS.splitlines(True) if not row.startswith(tuple(f'"{name}"' for name in given)))
    place.write("User and password over TLS", rest, topic)
    done = place.tidemill(*flags, "--bounded")
    assert done.returncode == 0, done.stderr
    assert '"read": 3' in done.stderr


@pytest.mark.parametrize("kind", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_what_pip_brings_has_every_compression(place: Place, broker: SecureKafka, plan: Plan, kind: str) -> None:
    topic = fresh_topic(broker.bootstrap, config={"compression.type": "producer"})
    producer = Producer({"bootstrap.servers": broker.bootstrap, "compression.type": kind})
    producer.produce(topic, b"x" * 1000)
    assert producer.flush(4 * SECONDS) == 0
    place.write("User and password over TLS", OVER_TLS, topic)
    source = open_source(place.settings(), plan, lambda: datetime.now(UTC))
    reader = source.open(f"{topic}/0", None, None)
    assert read(reader, 1) == 1
    reader.close()
    source.close()


def test_a_wrong_password_ends_a_run_within_seconds_with_one_sentence(place: Place, topic: str) -> None:
    place.write("User and password over TLS", OVER_TLS, topic)
    place.environ["KAFKA_PASSWORD"] = "wrong-hush-41"
    began = time.monotonic()
    done = place.tidemill("run", "--bounded")
    assert time.monotonic() - began < 2 * SECONDS * slowness()
    assert done.returncode == 3
    assert len(re.findall(r"^error: ", done.stderr, re.MULTILINE)) == 1
    assert "SASL authentication error" in done.stderr
    assert "The fix: check security.protocol, sasl.mechanism, sasl.username and sasl.password" in done.stderr
    assert "wrong-hush" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (place.folder / "lake" / "catalog.sqlite").exists()


def test_a_secret_that_is_not_there_ends_what_needs_it_and_nothing_else(place: Place, plan: Plan, topic: str) -> None:
    place.write("User and password over TLS", OVER_TLS, topic)
    del place.environ["KAFKA_PASSWORD"]
    settings = place.settings()
    assert ("kafka.sasl.password", "${KAFKA_PASSWORD}", "tidemill.toml") in origins(settings)
    with pytest.raises(ConfigError, match=r"'\$\{KAFKA_PASSWORD\}': the environment has no variable KAFKA_PASSWORD"):
        open_source(settings, plan, lambda: datetime.now(UTC))


CASES: dict[str, tuple[str, dict[str, str | None], str, str]] = {
    "unknown user": ("SASL", {"sasl.username": "nobody"}, "SASL authentication error", "check security.protocol"),
    "no such mechanism": (
        "SASL",
        {"sasl.mechanism": "SCRAM-SHA-256"},
        "Unsupported SASL mechanism",
        "set sasl.mechanism to one of PLAIN, SCRAM-SHA-512, OAUTHBEARER",
    ),
    "system's authorities": (
        "TLS",
        {"ssl.ca.location": None},
        "its certificate is signed by no authority that this machine trusts",
        "name the PEM file of its authority with ssl.ca.location",
    ),
    "another authority": (
        "TLS",
        {"ssl.ca.location": "other-ca.pem"},
        "its certificate is not signed by the authority given",
        "ssl.ca.location",
    ),
    "expired": ("EXPIRED", {}, "its certificate has expired", "renew it on the broker"),
    "no client certificate": (
        "MTLS",
        {"ssl.certificate.location": None, "ssl.key.location": None, "ssl.key.password": None},
        "it asks for a client's certificate",
        "set ssl.certificate.location and ssl.key.location",
    ),
    "plaintext to TLS": (
        "TLS",
        {"security.protocol": "PLAINTEXT"},
        "its port speaks SSL, and security.protocol is PLAINTEXT",
        "set security.protocol to SSL",
    ),
    "TLS to plaintext": (
        "PLAINTEXT",
        {"security.protocol": "SSL"},
        "its port speaks PLAINTEXT, and security.protocol is SSL",
        "name the port of its SSL listener",
    ),
    "plaintext to SASL": (
        "SASL",
        {"security.protocol": "PLAINTEXT"},
        "its port speaks SASL_PLAINTEXT, and security.protocol is PLAINTEXT",
        "with sasl.mechanism, sasl.username and sasl.password",
    ),
    "SASL to plaintext": (
        "PLAINTEXT",
        {"security.protocol": "SASL_PLAINTEXT"},
        "its port speaks PLAINTEXT, and security.protocol is SASL_PLAINTEXT",
        "set security.protocol to PLAINTEXT",
    ),
    "SASL to SASL over TLS": (
        "SASLSSL",
        {"security.protocol": "SASL_PLAINTEXT"},
        "its port speaks SASL_SSL, and security.protocol is SASL_PLAINTEXT",
        "set security.protocol to SASL_SSL",
    ),
    "TLS to SASL over TLS": (
        "SASLSSL",
        {"security.protocol": "SSL"},
        "its port speaks SASL_SSL, and security.protocol is SSL",
        "with sasl.mechanism",
    ),
}


def properties_for(broker: SecureKafka, listener: str, changes: dict[str, str | None]) -> dict[str, str]:
    """Everything that could be asked for, so that each change is the only mistake."""
    protocol = {"PLAINTEXT": "PLAINTEXT", "SASL": "SASL_PLAINTEXT", "SASLSSL": "SASL_SSL"}.get(listener, "SSL")
    given: dict[str, str | None] = {
        "security.protocol": protocol,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": USER,
        "sasl.password": PASSWORD,
        "ssl.ca.location": "ca.pem",
        "ssl.certificate.location": "client.pem",
        "ssl.key.location": "client.key",
        "ssl.key.password": KEY_PASSWORD,
        **changes,
    }
    files = {name: str(broker.certificates / text) for name, text in given.items() if "location" in name and text}
    return {name: text for name, text in given.items() if text is not None} | files


def refusal(brokers: str, topic: str, properties: dict[str, str]) -> str:
    """What a source that cannot connect ends with, at once."""
    began = time.monotonic()
    with pytest.raises(SourceError) as told:
        KafkaSource(brokers, [topic], properties=properties, timeout_seconds=60)
    assert time.monotonic() - began < 2 * SECONDS, "of the minute that a silent broker is given"
    said = str(told.value)
    assert "\n" not in said
    assert not [secret for secret in SECRETS if secret in said]
    return said


@pytest.mark.parametrize("case", CASES)
def test_what_stands_in_the_way_is_told_at_once_with_its_fix(broker: SecureKafka, topic: str, case: str) -> None:
    listener, changes, what, fix = CASES[case]
    said = refusal(broker.at(listener), topic, properties_for(broker, listener, changes))
    assert f"Kafka at {broker.at(listener)} refuses us: " in said
    assert what in said.partition(" The fix: ")[0]
    assert fix in said.partition(" The fix: ")[2]


def test_a_name_that_the_certificate_is_not_for_is_told(broker: SecureKafka, topic: str) -> None:
    brokers = broker.at("TLS", "localhost")
    said = refusal(brokers, topic, properties_for(broker, "TLS", {}))
    assert "its certificate is for another name" in said
    assert "name the broker in --brokers as its certificate does" in said


def test_a_client_certificate_that_the_broker_does_not_take_is_told(broker: SecureKafka, topic: str) -> None:
    strange = {"ssl.certificate.location": "other-ca.pem", "ssl.key.location": "other-ca.key", "ssl.key.password": None}
    said = refusal(broker.at("MTLS"), topic, properties_for(broker, "MTLS", strange))
    assert "it does not take our certificate" in said
    assert "an authority of the broker has to have signed it" in said


def test_a_token_that_is_not_given_is_told(place: Place, plan: Plan, topic: str) -> None:
    place.write("OAuth", OIDC, topic, **{"sasl.oauthbearer.client.secret": "wrong-hush-41"})
    with pytest.raises(SourceError, match="Failed to acquire SASL OAUTHBEARER token") as told:
        open_source(place.settings(), plan, lambda: datetime.now(UTC))
    assert "check sasl.oauthbearer.token.endpoint.url, sasl.oauthbearer.client.id" in str(told.value)
    assert "wrong-hush" not in str(told.value)


def test_a_token_is_renewed_before_it_ends_while_the_run_goes_on(
    place: Place, plan: Plan, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Tokens, "lifetime_s", 3)
    monkeypatch.setattr(_Tokens, "given", 0)
    place.write("OAuth", OIDC, topic)
    source = open_source(place.settings(), plan, lambda: datetime.now(UTC))
    reader = source.open(f"{topic}/0", None, None)
    assert read(reader, 3) == 3
    deadline = time.monotonic() + 4 * SECONDS
    # two clients, one for questions and one for records, each with a second one at least
    while _Tokens.given < 4 and time.monotonic() < deadline:
        reader.poll(100, 1 << 20)
        time.sleep(0.05)
    assert _Tokens.given >= 4
    reader.close()
    source.close()


def test_a_keystore_takes_the_place_of_certificate_and_key(broker: SecureKafka, topic: str) -> None:
    without = {"ssl.certificate.location": None, "ssl.key.location": None, "ssl.key.password": None}
    keystore = {"ssl.keystore.location": "client.p12", "ssl.keystore.password": KEY_PASSWORD}
    source = KafkaSource(broker.at("MTLS"), [topic], properties=properties_for(broker, "MTLS", {**without, **keystore}))
    assert source.partitions() == [f"{topic}/0"]
    source.close()


@pytest.mark.parametrize("listener", ["TLS", "MTLS"])
def test_records_are_fetched_directly_over_tls(broker: SecureKafka, topic: str, listener: str) -> None:
    structlog.reset_defaults()
    own = () if listener == "TLS" else ("ssl.certificate.location", "ssl.key.location", "ssl.key.password")
    every = properties_for(broker, listener, {})
    properties = {name: every[name] for name in ("security.protocol", "ssl.ca.location", *own)}
    source = KafkaSource(broker.at(listener), [topic], properties=properties)
    source.fetch_directly(Access.of(properties))
    with capture_logs() as logs:
        reader = source.open(f"{topic}/0", None, None)
        assert read(reader, 3) == 3
    assert not [line for line in logs if "is fetched by librdkafka" in line["event"]]
    reader.close()
    source.close()


def test_the_broker_and_its_ports_are_seen_as_they_are(broker: SecureKafka) -> None:
    mine = {"ssl.ca.location": str(broker.certificates / "ca.pem")}
    assert {listener: look(broker.at(listener), mine) for listener in broker.ports} == {
        "PLAINTEXT": Listener(False, False),
        "SASL": Listener(False, True),
        "SASLSSL": Listener(True, True),
        "TLS": Listener(True, False),
        "MTLS": Listener(True, None, certificate=True),
        "EXPIRED": Listener(True, False, untrusted="certificate has expired"),
    }
    pem = {"ssl.ca.pem": (broker.certificates / "ca.pem").read_text()}
    assert look(broker.at("TLS"), pem) == Listener(True, False)


def test_a_login_that_is_refused_while_a_run_goes_on_is_retried_until_it_is_taken(
    broker: SecureKafka, topic: str
) -> None:
    structlog.reset_defaults()
    broker.set_password("fleeting", PASSWORD)
    properties = properties_for(broker, "SASL", {"sasl.username": "fleeting"})
    source = KafkaSource(broker.at("SASL"), [topic], properties=properties)
    broker.set_password("fleeting", "another")
    with capture_logs() as logs:
        reader = source.open(f"{topic}/0", None, None)
        deadline = time.monotonic() + 4 * SECONDS
        while not logs and time.monotonic() < deadline:
            assert reader.poll(100, 1 << 20) is None
            time.sleep(0.05)
    assert "SASL authentication error" in logs[0]["error"]
    assert logs[0]["doing"] == "retrying"
    broker.set_password("fleeting", PASSWORD)
    assert read(reader, 3) == 3
    reader.close()
    source.close()


def test_a_topic_without_rights_is_told_as_that_and_not_as_missing(broker: SecureKafka) -> None:
    hidden = fresh_topic(broker.bootstrap)
    broker.allow(AclOperation.READ, ResourceType.TOPIC, hidden, "somebody-else")
    properties = properties_for(broker, "SASL", {})
    said = refusal(broker.at("SASL"), hidden, properties)
    assert "Topic authorization failed" in said
    assert f"The fix: give the user {USER} the READ and DESCRIBE rights on the topic" in said
    with pytest.raises(SourceError, match="give the user tidemill the READ and DESCRIBE"):
        ensure_topic(broker.at("SASL"), hidden, None, properties)


def test_a_right_that_is_taken_away_ends_the_reading(broker: SecureKafka) -> None:
    topic = fresh_topic(broker.bootstrap)
    source = KafkaSource(broker.at("SASL"), [topic], properties=properties_for(broker, "SASL", {}))
    reader = source.open(f"{topic}/0", None, None)
    broker.allow(AclOperation.READ, ResourceType.TOPIC, topic, "somebody-else")
    with pytest.raises(SourceError, match=f"give the user {USER} the READ and DESCRIBE rights on the topic"):
        read(reader, 1)
    reader.close()
    source.close()


def test_a_group_without_rights_costs_a_warning_and_nothing_else(broker: SecureKafka, topic: str) -> None:
    structlog.reset_defaults()
    group = f"kept-{os.getpid()}"
    broker.allow(AclOperation.READ, ResourceType.GROUP, group, "somebody-else")
    source = KafkaSource(broker.at("SASL"), [topic], group=group, properties=properties_for(broker, "SASL", {}))
    reader = source.open(f"{topic}/0", None, None)
    with capture_logs() as logs:
        assert read(reader, 3) == 3
        deadline = time.monotonic() + 4 * SECONDS
        while not logs and time.monotonic() < deadline:
            reader.poll(100, 1 << 20)
            time.sleep(0.05)
    assert logs[0]["event"] == "kafka_group_refuses_our_offsets"
    assert "READ right on the group" in logs[0]["fix"]
    reader.close()
    source.close()


def test_a_topic_that_may_not_be_made_or_filled_names_the_right(place: Place, broker: SecureKafka) -> None:
    name = f"not-to-be-made-{os.getpid()}"
    # from here on, nobody else has a right on the whole cluster
    broker.allow(AclOperation.CREATE, ResourceType.BROKER, "kafka-cluster", "somebody-else")
    broker.allow(AclOperation.DESCRIBE, ResourceType.TOPIC, name)
    with pytest.raises(SourceError, match=r"does not create topic .*; give this user the CREATE right on the topic"):
        ensure_topic(broker.at("SASL"), name, 1, properties_for(broker, "SASL", {}))
    topic = fresh_topic(broker.bootstrap)
    broker.allow(AclOperation.READ, ResourceType.TOPIC, topic)
    broker.allow(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, topic, "somebody-else")
    filler = TopicFiller(
        broker.at("SASL"),
        topic,
        AdStream(0, 1, 1000.0, 0),
        properties_for(broker, "SASL", {}),
        transactional_id=topic,
        progress=lambda _: None,
        stopping=lambda: False,
    )
    with pytest.raises(SourceError, match="give this user the WRITE and DESCRIBE rights on the transactional id"):
        filler.fill(1, None)
    place.write("User and password over TLS", OVER_TLS, topic)
    done = place.tidemill("produce", "--count", "10")
    assert done.returncode == 3
    assert "Topic authorization failed; give this user the WRITE right on the topic" in done.stderr


def test_what_the_page_says_is_refused_is_what_the_code_refuses() -> None:
    section = PAGE.partition("## What is refused")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w.]+)`", section)) & OWNED.keys()
    aliases = {"metadata.broker.list", "auto.commit.enable", "delivery.report.only.error"}
    assert named == OWNED.keys() - aliases


def test_the_words_of_the_table_are_those_of_the_messages() -> None:
    table = PAGE.partition("## When it does not connect")[2].partition("\n## ")[0]
    shown = [
        words for row in re.findall(r"^\| .* \| (.*) \|$", table, re.MULTILINE) for words in re.findall(r"`(.+?)`", row)
    ]
    code = "".join(path.read_text() for path in (ROOT / "dataflow" / "sources" / "kafka").glob("*.py"))
    ours = [words for words in shown if words.startswith(("its certificate", "it asks", "it does not", "set sasl"))]
    assert len(ours) == 6
    assert [words for words in ours if words not in code and words != "its certificate has expired"] == []


def test_the_examples_are_settings_files() -> None:
    for _, example in EXAMPLES:
        assert tomllib.loads(example).keys() == {"brokers", "kafka"}


def test_whoever_opens_a_client_takes_the_properties_with_what_they_refer_to() -> None:
    folders = ("cli", "dataflow", "deploy", "doctor", "proof", "query", "runtime", "sinks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    as_written = [path.name for path in files if re.search(r"settings\.kafka\b", path.read_text())]
    resolved = [path.name for path in files if "settings.require_kafka()" in path.read_text()]
    assert as_written == []
    assert {"sources.py", "produce.py", "source_state.py"} <= set(resolved)
