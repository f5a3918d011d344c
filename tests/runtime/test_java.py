"""What a machine lacks to run Java programs is said in one sentence with the fix."""

from pathlib import Path

import pytest

from runtime.java import java_command, java_version, lacking_java, lacking_maven
from tests.programs import program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def test_no_java_is_named(path: Path) -> None:
    assert java_version() is None
    assert "Java is not on PATH" in str(lacking_java("Kafka 4"))


@pytest.mark.parametrize(("version", "major"), [("1.8.0_392", 8), ("11.0.2", 11)])
def test_an_old_java_is_named_with_what_it_is_for(path: Path, version: str, major: int) -> None:
    program(path, "java", f"echo 'openjdk version \"{version}\"' >&2")
    assert java_version() == major
    assert f"Java {major} is too old for Kafka 4: " in str(lacking_java("Kafka 4"))


def test_java_home_goes_before_the_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert java_command() == "java"
    monkeypatch.setenv("JAVA_HOME", str(path / "jdk"))
    assert java_command() == "java"
    (path / "jdk" / "bin").mkdir(parents=True)
    program(path / "jdk" / "bin", "java", "echo 'openjdk version \"21.0.1\"' >&2")
    assert java_command() == str(path / "jdk" / "bin" / "java")
    assert lacking_java("Flink") is None


def test_no_maven_is_named_with_what_it_brings(path: Path) -> None:
    assert "it brings Flink's jars" in str(lacking_maven("Flink's jars"))
    program(path, "mvn", "exit 0")
    assert lacking_maven("Flink's jars") is None
