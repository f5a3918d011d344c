"""What a machine lacks to run Kafka is said in one sentence with the fix."""

from pathlib import Path

import pytest

from dataflow.errors import TidemillError
from deploy.kafka_jars import HERE, fetch_jars, java_version, missing_tools


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def test_no_java_is_named(path: Path, tmp_path: Path) -> None:
    assert java_version() is None
    assert "Java is not on PATH" in str(missing_tools(tmp_path / "lib"))


@pytest.mark.parametrize(("version", "major"), [("1.8.0_392", 8), ("11.0.2", 11)])
def test_an_old_java_is_named(path: Path, tmp_path: Path, version: str, major: int) -> None:
    program(path, "java", f"echo 'openjdk version \"{version}\"' >&2")
    assert f"Java {major} is too old" in str(missing_tools(tmp_path / "lib"))


def test_no_maven_is_named_unless_the_jars_are_there(path: Path, tmp_path: Path) -> None:
    program(path, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    with pytest.raises(TidemillError, match="Maven is not on PATH"):
        fetch_jars(tmp_path / "lib")
    program(path, "mvn", 'for a in "$@"; do case $a in -DoutputDirectory=*) : > "${a#*=}/kafka.jar";; esac; done')
    assert fetch_jars(tmp_path / "lib") == tmp_path / "lib"
    (path / "mvn").unlink()
    assert missing_tools(tmp_path / "lib") is None
    assert (fetch_jars(tmp_path / "lib") / "kafka.jar").exists()


def test_mavens_own_words_are_shown_when_it_fails(path: Path, tmp_path: Path) -> None:
    program(path, "java", "echo 'openjdk version \"21\"' >&2")
    program(path, "mvn", "echo '[ERROR] no route to the repository'; exit 1")
    with pytest.raises(TidemillError, match="no route to the repository"):
        fetch_jars(tmp_path / "lib")
    assert not (tmp_path / "lib").exists()


def test_maven_gets_a_copy_of_the_pom_that_it_may_write_beside(path: Path, tmp_path: Path) -> None:
    program(path, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    program(path, "mvn", f'printf "%s\\n" "$@" > {tmp_path}/given')
    jars = fetch_jars(tmp_path / "cache" / "lib")
    given = (tmp_path / "given").read_text().splitlines()
    pom = Path(given[given.index("-f") + 1])
    assert pom.parent.parent == jars.parent
    assert (jars / "pom.xml").read_bytes() == (HERE / "pom.xml").read_bytes()
