"""The registry's client against a real registry, and against servers that answer otherwise."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pyarrow as pa
import pytest

from dataflow.errors import ConfigError, RegistryUnreachable, SchemaRefused
from dataflow.formats.avro_schema import avro_schema
from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import RegisteredSchema
from deploy.registry_server import RegistryServer
from runtime.ports import free_ports
from runtime.registry.client import RegistryClient
from tests.avro_events import FIRST
from tests.registry_fixture import register, set_compatibility


@pytest.mark.kafka
def test_a_real_registry_answers_with_schemas_their_references_and_that_it_has_none(registry: RegistryServer) -> None:
    client = RegistryClient({"schema.registry.url": registry.url + "/"})
    number = register(registry.url, FIRST, subject="orders-value")
    found = client.find(SchemaKey("id", number))
    assert found is not None
    assert (found.kind, json.loads(found.text), found.references) == ("AVRO", json.loads(FIRST), {})
    kind = '{"type":"enum","name":"shop.Kind2","symbols":["a"]}'
    register(registry.url, kind, subject="kind-value")
    user = '{"type":"record","name":"shop.User","fields":[{"name":"kind","type":"shop.Kind2"}]}'
    reference = {"name": "shop.Kind2", "subject": "kind-value", "version": 1}
    found = client.find(SchemaKey("id", register(registry.url, user, references=[reference])))
    assert found is not None
    assert {name: json.loads(text) for name, text in found.references.items()} == {"shop.Kind2": json.loads(kind)}
    assert client.find(SchemaKey("id", 99_999)) is None
    latest = client.latest("orders-value")
    assert latest is not None
    assert json.loads(latest.text) == json.loads(FIRST)
    assert client.latest("nobody's") is None


@pytest.mark.kafka
def test_a_real_registry_takes_a_schema_once_and_refuses_one_that_does_not_fit(registry: RegistryServer) -> None:
    client = RegistryClient({"schema.registry.url": registry.url})
    subject = f"minutes-{time.monotonic_ns()}-value"

    def schema(*columns: pa.Field) -> RegisteredSchema:
        return RegisteredSchema("AVRO", avro_schema("minutes", "tidemill.small", pa.schema(columns)))

    who, spent = pa.field("who", pa.string()), pa.field("spent", pa.decimal128(38, 6))
    number = client.register(subject, schema(who, spent))
    assert client.register(subject, schema(who, spent)) == number
    found = client.find(SchemaKey("id", number))
    assert found is not None
    assert json.loads(found.text) == json.loads(schema(who, spent).text)
    set_compatibility(registry.url, subject, "BACKWARD")
    grown = client.register(subject, schema(who, pa.field("n", pa.int64()), spent))
    assert grown != number
    with pytest.raises(SchemaRefused, match=f"does not take the schema for {subject}: by the subject's compat") as told:
        client.register(subject, schema(who, pa.field("spent", pa.float64())))
    assert f"set another compatibility of {subject} in the registry" in str(told.value)
    assert client.register(subject, schema(who, spent)) == number


class Answers(HTTPServer):
    status, body = 200, b"{}"

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.posts: list[tuple[int, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(self.server.body)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, body))
        status, answer = self.server.posts.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def answers() -> Iterator[Answers]:
    server = Answers()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def client_of(answers: Answers, **more: str) -> RegistryClient:
    named = {"schema.registry." + name.replace("_", "."): value for name, value in more.items()}
    return RegistryClient({"schema.registry.url": f"http://127.0.0.1:{answers.server_port}", **named})


def test_it_asks_by_number_and_by_guid_with_user_and_password(answers: Answers) -> None:
    answers.body = json.dumps({"schema": '"string"'}).encode()
    client = client_of(answers, basic_auth_user_info="me:se:cret")
    for key in (SchemaKey("id", 7), SchemaKey("guid", "a-b")):
        found = client.find(key)
        assert found is not None
        assert (found.kind, found.text) == ("AVRO", '"string"')
    assert [path for path, _ in answers.seen] == ["/schemas/ids/7", "/schemas/guids/a-b"]
    assert answers.seen[0][1]["Authorization"] == "Basic " + base64.b64encode(b"me:se:cret").decode()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"", "answered 500"),
        (401, b"", "does not let us in"),
        (404, b"<html>", "answered 404"),
        (302, b"", "answered 302"),
        (200, b"<html>", "is no schema"),
        (200, b"[]", "is no schema"),
        (200, b'{"schema": 5}', "is no schema"),
    ],
)
def test_what_is_no_answer_of_a_registry_is_asked_again_later(
    answers: Answers, status: int, body: bytes, said: str
) -> None:
    answers.status, answers.body = status, body
    with pytest.raises(RegistryUnreachable, match=said):
        client_of(answers).find(SchemaKey("id", 1))


def test_only_the_registrys_own_404_says_that_there_is_no_schema(answers: Answers) -> None:
    answers.status, answers.body = 404, b'{"error_code": 40403, "message": "Schema not found"}'
    assert client_of(answers).find(SchemaKey("id", 1)) is None


NOT_THERE = (404, b'{"error_code": 40403, "message": "Schema not found"}')
SCHEMA = RegisteredSchema("AVRO", '"string"')


def test_a_schema_that_is_there_is_only_looked_up_and_else_registered(answers: Answers) -> None:
    answers.posts = [(200, b'{"id": 7}'), NOT_THERE, (200, b'{"id": 8}')]
    client = client_of(answers)
    assert [client.register("a b-value", SCHEMA), client.register("t-value", SCHEMA)] == [7, 8]
    said = {"schema": '"string"', "schemaType": "AVRO"}
    paths = ["/subjects/a%20b-value", "/subjects/t-value", "/subjects/t-value/versions"]
    assert answers.seen == [(path, said) for path in paths]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((409, b'{"message": "READER_FIELD\\nmissing"}'), "does not fit the versions before it (READER_FIELD missing)"),
        ((422, b'{"message": "Invalid schema"}'), "does not take the schema for t-value: Invalid schema. Write to"),
        ((422, b"<html>"), "does not take the schema for t-value: it does not say why"),
    ],
)
def test_a_schema_that_is_refused_is_told_with_the_registrys_reason(
    answers: Answers, answer: tuple[int, bytes], said: str
) -> None:
    answers.posts = [NOT_THERE, answer]
    with pytest.raises(SchemaRefused) as told:
        client_of(answers).register("t-value", SCHEMA)
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b""), "answered 500"),
        ((403, b""), "does not let us in"),
        ((200, b"[]"), "is no schema"),
        ((200, b'{"id": "x"}'), "is no number of a schema"),
        (NOT_THERE, "is no number of a schema"),
    ],
)
def test_no_number_for_a_schema_is_no_answer(answers: Answers, answer: tuple[int, bytes], said: str) -> None:
    answers.posts = [NOT_THERE, answer]
    with pytest.raises(RegistryUnreachable, match=said):
        client_of(answers).register("t-value", SCHEMA)


def test_nobody_there_is_no_answer() -> None:
    client = RegistryClient({"schema.registry.url": f"http://127.0.0.1:{free_ports(1)[0]}"})
    with pytest.raises(RegistryUnreachable, match=r"gives no answer: .*refused.* Start it, or correct"):
        client.find(SchemaKey("id", 1))


@pytest.mark.parametrize(
    ("properties", "key"),
    [
        ({"url": "localhost:8081"}, "schema.registry.url"),
        ({"url": "http://me:secret@host:1"}, "schema.registry.url"),
        ({"url": "http://host:1", "basic.auth.user.info": "secret"}, "schema.registry.basic.auth.user.info"),
        ({"url": "https://host:1", "ssl.ca.location": "/nowhere"}, "schema.registry.ssl.ca.location"),
        ({"url": "https://host:1", "ssl.certificate.location": "/nowhere"}, "schema.registry.ssl.certificate.location"),
    ],
)
def test_properties_that_cannot_work_are_named_without_secrets(properties: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        RegistryClient({"schema.registry." + name: value for name, value in properties.items()})
    assert raised.value.key == f"kafka.{key}"
    assert "secret" not in str(raised.value)
