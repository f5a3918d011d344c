"""The jar is built once for its sources, its own tests pass, and what is lacking is named."""

import os
import zipfile
from pathlib import Path

import pytest

from dataflow.errors import TidemillError
from flink.contract import build
from flink.contract.build import contract_jar, jar_name, run_maven
from flink.contract.table import CHECKSUM_CLASS, FIRST_SEEN_CLASS, FUNCTION_CLASS
from tests.kafka_fixture import require_kafka_tools


@pytest.mark.kafka
@pytest.mark.timeout(1_800)
def test_the_function_passes_its_own_tests_inside_flink(tmp_path: Path) -> None:
    require_kafka_tools()
    run_maven(tmp_path, "test")
    reports = list((tmp_path / "java" / "target" / "surefire-reports").glob("*.txt"))
    said = {report.stem.rpartition(".")[2]: report.read_text() for report in reports}
    tests = {"StrictEventTest": 7, "FirstSeenTest": 9, "RegistryTest": 4, "DecimalsTest": 3}
    assert said.keys() == tests.keys()
    for name, count in tests.items():
        assert f"Tests run: {count}, Failures: 0, Errors: 0, Skipped: 0" in said[name]


@pytest.mark.kafka
@pytest.mark.timeout(900)
def test_the_jar_is_made_once_and_holds_our_own_classes_alone(tmp_path: Path) -> None:
    require_kafka_tools()
    jar = contract_jar(tmp_path / "made")
    assert jar == tmp_path / "made" / jar_name()
    with zipfile.ZipFile(jar) as held:
        classes = [name for name in held.namelist() if name.endswith(".class")]
    for name in (FUNCTION_CLASS, FIRST_SEEN_CLASS, CHECKSUM_CLASS):
        assert name.replace(".", "/") + ".class" in classes
    assert all(name.startswith("tidemill/contract/") for name in classes)
    made_at = jar.stat().st_mtime_ns
    assert contract_jar(tmp_path / "made") == jar
    assert jar.stat().st_mtime_ns == made_at
    assert sorted(path.name for path in jar.parent.iterdir()) == [".contract.lock", jar.name]


def test_a_jar_that_is_there_needs_no_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / jar_name()).touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert contract_jar(tmp_path) == tmp_path / jar_name()


def test_no_maven_is_named_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TidemillError, match="Maven is not on PATH"):
        contract_jar(tmp_path / "made")
    assert os.listdir(tmp_path / "made") == [".contract.lock"]


def test_what_maven_says_is_told_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mvn"
    program.write_text("#!/bin/sh\necho 'no such place'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(TidemillError, match=r"is a JDK 17 there(.|\n)*no such place"):
        contract_jar(tmp_path / "made")


def test_each_change_of_the_sources_gives_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "src" / "main" / "java"
    folder.mkdir(parents=True)
    (tmp_path / "pom.xml").write_text("<project/>")
    (folder / "A.java").write_text("class A {}")
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    first = jar_name()
    assert jar_name() == first
    (folder / "A.java").write_text("class A { }")
    assert jar_name() != first
