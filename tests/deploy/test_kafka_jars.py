"""Kafka's jars are those of deploy/kafka/pom.xml, under the name by which messages speak of them."""

from pathlib import Path

import pytest

from dataflow.errors import TidemillError
from deploy.kafka_jars import HERE, JARS, fetch_jars, missing_tools
from tests.programs import program


def test_what_is_missing_is_said_of_kafka(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "Java is not on PATH" in str(missing_tools(tmp_path / "lib"))
    program(tmp_path, "java", "echo 'openjdk version \"11.0.2\"' >&2")
    assert "too old for Kafka 4" in str(missing_tools(tmp_path / "lib"))
    program(tmp_path, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    with pytest.raises(TidemillError, match="brings Kafka's jars"):
        fetch_jars(tmp_path / "lib")


def test_in_the_tree_they_lie_beside_their_pom() -> None:
    assert JARS == HERE / "lib"
    assert (HERE / "pom.xml").exists()
