"""A real Kafka Connect worker for tests: each sink writes a topic's values to a file, a line each."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from deploy.registry_server import RegistryServer
from runtime.java import java_command
from runtime.maven import Jars
from runtime.ports import free_ports
from tests.slowness import slowness

_HERE = Path(__file__).resolve().parents[1] / "deploy" / "connect"
JARS = Jars(_HERE / "pom.xml", _HERE / "lib", "Kafka Connect", "Kafka Connect's jars")
_LIGHT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Duser.timezone=UTC")
_TEXT = "org.apache.kafka.connect.storage.StringConverter"
_SECONDS = 60


class Sink(NamedTuple):
    """A topic, the file for it, and the converter of its values with what it is told."""

    topic: str
    file: Path
    converter: Mapping[str, str]


def text() -> dict[str, str]:
    """Values as they are."""
    return {"value.converter": _TEXT}


def avro(registry: RegistryServer) -> dict[str, str]:
    """Values by schemas of a registry, in the frame of Confluent's serializers."""
    told = {
        "url": f"http://127.0.0.1:{registry.port}/apis/registry/v2",
        "as-confluent": "true",
        "use-id": "contentId",
    }
    return {
        "value.converter": "io.apicurio.registry.utils.converter.AvroConverter",
        **{f"value.converter.apicurio.registry.{name}": value for name, value in told.items()},
    }


@contextmanager
def worker(folder: Path, bootstrap: str, *sinks: Sink) -> Iterator[Callable[[Sink, int], list[str]]]:
    """A worker; what is given waits until a sink has written so many lines, and gives them."""
    settings = {
        "bootstrap.servers": bootstrap,
        "key.converter": _TEXT,
        "value.converter": _TEXT,
        "offset.storage.file.filename": str(folder / "offsets"),
        "offset.flush.interval.ms": "500",
        "consumer.isolation.level": "read_committed",
        "consumer.auto.offset.reset": "earliest",
        "listeners": f"http://127.0.0.1:{free_ports(1)[0]}",
    }
    files = [_properties(folder / "worker.properties", settings)]
    for number, sink in enumerate(sinks):
        own = {
            "name": f"sink{number}",
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "topics": sink.topic,
            "file": str(sink.file),
            **sink.converter,
        }
        files.append(_properties(folder / f"sink{number}.properties", own))
    main = "org.apache.kafka.connect.cli.ConnectStandalone"
    with (folder / "connect.log").open("wb") as log:
        command = [java_command(), *_LIGHT, "-cp", f"{JARS.fetch()}/*", main, *map(str, files)]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    try:
        yield lambda sink, count: _lines(sink, count, child, folder / "connect.log")
    finally:
        child.kill()
        child.wait()


def _lines(sink: Sink, count: int, child: subprocess.Popen[bytes], log: Path) -> list[str]:
    until = time.monotonic() + _SECONDS * slowness()
    lines: list[str] = []
    while time.monotonic() < until and child.poll() is None:
        lines = sink.file.read_text().splitlines() if sink.file.exists() else []
        if len(lines) >= count:
            return lines
        time.sleep(0.1)
    raise AssertionError(f"{sink.topic}: {lines} instead of {count} lines; {log.read_text()[-3000:]}")


def _properties(path: Path, values: Mapping[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return path
