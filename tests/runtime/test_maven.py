"""Jars are brought by Maven once, whole or not at all, by whoever asks first."""

import threading
from pathlib import Path

import pytest

from dataflow.errors import TidemillError
from runtime.maven import Jars
from tests.programs import program

BRINGS = 'for a in "$@"; do case $a in -DoutputDirectory=*) : > "${a#*=}/own.jar";; esac; done'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, but for the shell's own programs; Java is there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    program(folder, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    return folder


@pytest.fixture
def jars(tmp_path: Path) -> Jars:
    pom = tmp_path / "home" / "pom.xml"
    pom.parent.mkdir()
    pom.write_text("<project/>")
    return Jars(pom, tmp_path / "cache" / "lib", "Kafka 4", "Kafka's jars")


def test_no_maven_is_named_unless_the_jars_are_there(path: Path, jars: Jars) -> None:
    with pytest.raises(TidemillError, match="Maven is not on PATH, and it brings Kafka's jars"):
        jars.fetch()
    program(path, "mvn", BRINGS)
    assert jars.fetch() == jars.folder
    (path / "mvn").unlink()
    assert jars.missing_tools() is None
    assert (jars.fetch() / "own.jar").exists()


def test_another_pom_brings_other_jars_and_the_old_ones_go(path: Path, jars: Jars) -> None:
    program(path, "mvn", BRINGS)
    jars.fetch()
    (jars.folder / "old.jar").touch()
    jars.fetch()
    assert (jars.folder / "old.jar").exists()
    jars.pom.write_text("<project><version>2</version></project>")
    assert not jars.complete()
    jars.fetch()
    assert not (jars.folder / "old.jar").exists()


def test_mavens_own_words_are_shown_when_it_fails_and_nothing_is_left(path: Path, jars: Jars) -> None:
    program(path, "mvn", "echo '[ERROR] no route to the repository'; exit 1")
    with pytest.raises(TidemillError, match="no route to the repository"):
        jars.fetch()
    assert [each.name for each in jars.folder.parent.iterdir()] == [".lib.lock"]


def test_maven_gets_a_copy_of_the_pom_that_it_may_write_beside(path: Path, jars: Jars, tmp_path: Path) -> None:
    program(path, "mvn", f'printf "%s\\n" "$@" > {tmp_path}/given')
    folder = jars.fetch()
    given = (tmp_path / "given").read_text().splitlines()
    pom = Path(given[given.index("-f") + 1])
    assert pom.parent.parent == folder.parent
    assert (folder / "pom.xml").read_bytes() == jars.pom.read_bytes()


def test_of_many_who_ask_at_once_one_calls_maven(path: Path, jars: Jars, tmp_path: Path) -> None:
    program(path, "mvn", f"echo once >> {tmp_path}/calls")
    asking = [threading.Thread(target=jars.fetch) for _ in range(5)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert (tmp_path / "calls").read_text() == "once\n"
