"""A real schema registry for tests, and schemas put into it."""

import itertools
import json
import os
import urllib.request
from collections.abc import Iterator, Sequence

import pytest

from deploy.registry_server import RegistryServer
from runtime.ports import free_ports
from tests.kafka_fixture import require_kafka_tools

_numbers = itertools.count()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """One registry for the whole session; a test may kill it, and must start it again."""
    require_kafka_tools()
    server = RegistryServer(tmp_path_factory.mktemp("registry"), free_ports(1)[0])
    server.start()
    try:
        yield server
    finally:
        server.kill()


def register(
    url: str, schema: str, kind: str = "AVRO", subject: str | None = None, references: Sequence[object] = ()
) -> int:
    """The number that the registry gives `schema`."""
    subject = subject or f"test-{os.getpid()}-{next(_numbers)}-value"
    asked = json.dumps({"schema": schema, "schemaType": kind, "references": list(references)}).encode()
    request = urllib.request.Request(
        f"{url}/subjects/{subject}/versions", asked, {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return int(json.load(response)["id"])


def set_compatibility(url: str, subject: str, compatibility: str) -> None:
    """How the next version of `subject` has to fit those before it."""
    asked = json.dumps({"compatibility": compatibility}).encode()
    headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    request = urllib.request.Request(f"{url}/config/{subject}", asked, headers, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as response:
        response.read()
