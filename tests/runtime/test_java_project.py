"""What every Java project of ours shares; that it builds is asked with the functions themselves."""

import os
from pathlib import Path

import pytest

from dataflow.errors import TidemillError
from runtime.java_project import JavaProject


@pytest.fixture
def project(tmp_path: Path) -> JavaProject:
    root, other = tmp_path / "java", tmp_path / "other" / "tidemill" / "words"
    for folder, name in ((root / "src" / "main" / "java" / "tidemill" / "words", "A"), (other, "B")):
        folder.mkdir(parents=True)
        (folder / f"{name}.java").write_text(f"class {name} {{}}")
    (root / "pom.xml").write_text("<project/>")
    return JavaProject(root, "words-1.jar", "tidemill-words", "the words", (other / "B.java",))


def test_each_change_of_the_sources_or_of_those_beside_them_gives_another_name(project: JavaProject) -> None:
    first = project.jar_name
    assert first.startswith("tidemill-words-")
    assert project.jar_name == first
    project.beside[0].write_text("class B { }")
    second = project.jar_name
    (project.root / "pom.xml").write_text("<project> </project>")
    assert len({first, second, project.jar_name}) == 3


def test_maven_is_run_over_a_copy_of_all_sources(
    project: JavaProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mvn"
    program.write_text('#!/bin/sh\nfind "$(dirname "$4")" -name "*.java" | sort | sed "s|.*/java/||"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said = project.run_maven(tmp_path / "made", "jar:jar")
    assert said.split() == ["tidemill/words/A.java", "tidemill/words/B.java"]
    assert not (project.root / "src" / "main" / "java" / "tidemill" / "words" / "B.java").exists()


def test_no_maven_is_named_with_what_it_is_for(
    project: JavaProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TidemillError, match="Maven is not on PATH, and it builds the words: install it"):
        project.jar(tmp_path / "made")
    assert os.listdir(tmp_path / "made") == [".words.lock"]
