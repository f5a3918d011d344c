"""The bootstrap finds a Python by running it, says one sentence where there is none, and does its work once."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "dirname", "cat", "cksum", "rm", "printf")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with no more than the bootstrap needs, and requirements that need no registry."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "bootstrap.sh", tmp_path / "deploy")
    (tmp_path / "requirements-ducklake.txt").write_text("# nothing\n")
    (tmp_path / "requirements-readers.txt").write_text("# nothing\n")
    shutil.copytree(ROOT / "deploy" / "readers", tmp_path / "deploy" / "readers")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        path = shutil.which(tool)
        assert path is not None
        (tmp_path / "bin" / tool).symlink_to(path)
    return tmp_path


def bootstrap(checkout: Path, *what: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(checkout / "bin"), "HOME": str(checkout)}
    command = [str(checkout / "bin" / "sh"), str(checkout / "deploy" / "bootstrap.sh"), *(what or ("ducklake",))]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_a_machine_without_python_and_uv_gets_one_sentence(checkout: Path) -> None:
    done = bootstrap(checkout)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "needs Python 3.11 or 3.12, or a uv" in done.stderr
    assert not (checkout / ".venv-ducklake").exists()


def test_a_shim_of_a_version_that_is_not_selected_is_no_python(checkout: Path) -> None:
    script(checkout / "bin" / "python3.12", 'echo "python3.12: command not found" >&2; exit 127')
    done = bootstrap(checkout)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_a_python_that_fits_is_used_and_later_calls_do_only_what_changed(checkout: Path) -> None:
    script(checkout / "bin" / "python3.12", "exit 1")
    # a link would not do: a virtual environment's own python finds its home beside itself
    script(checkout / "bin" / "python", f'exec {sys.executable} "$@"')
    assert "making .venv-ducklake" in bootstrap(checkout).stderr
    assert bootstrap(checkout).stderr == ""
    (checkout / "requirements-ducklake.txt").write_text("# something else\n")
    assert bootstrap(checkout).stderr == "bootstrap: installing requirements-ducklake.txt into .venv-ducklake\n"
    (checkout / ".venv-ducklake" / ".home").write_text("/elsewhere\n")
    assert "making .venv-ducklake" in bootstrap(checkout).stderr


def test_readers_of_other_languages_are_left_out_in_words_and_come_with_their_tools(checkout: Path) -> None:
    script(checkout / "bin" / "python", f'exec {sys.executable} "$@"')
    (checkout / "bin" / "cp").symlink_to(str(shutil.which("cp")))
    without = bootstrap(checkout, "readers")
    assert without.returncode == 0
    assert without.stderr.endswith("left out, for want of npm and Maven: readers of other languages\n")
    script(checkout / "bin" / "npm", 'echo "npm $1 $2 $3" >&2')
    script(checkout / "bin" / "mvn", 'echo "mvn $3 $4" >&2')
    assert "npm install --prefix .venv-readers\n" in (then := bootstrap(checkout, "readers").stderr)
    assert "mvn -f deploy/readers/pom.xml\n" in then
    assert bootstrap(checkout, "readers").stderr == ""


def test_another_engine_has_an_environment_of_its_own_and_one_that_is_not_known_is_told(checkout: Path) -> None:
    script(checkout / "bin" / "python", f'exec {sys.executable} "$@"')
    for name in ("one", "two"):
        (checkout / f"requirements-peer-{name}.txt").write_text("# nothing\n")
    assert "making .venv-peer-two" in bootstrap(checkout, "peer", "two").stderr
    assert (checkout / ".venv-peer-two" / ".stamp-peer").exists()
    assert not (checkout / ".venv-peer-one").exists()
    for asked in (("peer",), ("peer", "three")):
        refused = bootstrap(checkout, *asked)
        assert (refused.returncode, refused.stderr) == (2, "bootstrap: say which engine, one of: one two\n")


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_requirements_are_exact_versions_without_addresses(name: str) -> None:
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith(("#", "-r requirements")):
            package, version = line.split("==")
            assert package
            assert version[0].isdigit()


def test_every_dependency_of_the_project_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines}
    for dependency in project["project"]["dependencies"]:
        name = dependency.partition(">=")[0].partition("==")[0].partition("[")[0]
        assert name in pinned
    lines += (ROOT / "requirements-dev.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines}
    for dependency in project["dependency-groups"]["dev"]:
        assert dependency.partition(">=")[0] in pinned


def test_the_continuous_integration_runs_make_test() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    assert run.read_text().splitlines()[-1] == "exec make test"
