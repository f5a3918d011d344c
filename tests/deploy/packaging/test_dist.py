"""Wheel and sdist come out of a commit alone, and equal however often they are built."""

import os
import shutil
import subprocess
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.packaging import dist
from deploy.packaging.dist import NotReproducible, build_last_commit
from tests.e2e.test_readme_in_order import not_copied

ROOT = Path(__file__).parents[3]
COMMITTED = datetime(2026, 11, 28, 10, 20, 30, tzinfo=UTC)


def git(folder: Path, *arguments: str) -> str:
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@localhost"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_COMMITTER_DATE": COMMITTED.isoformat()}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This tree as a git checkout of its own."""
    folder = tmp_path_factory.mktemp("dist") / "checkout"
    shutil.copytree(ROOT, folder, ignore=not_copied)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    return folder


def test_a_commit_gives_one_wheel_and_one_sdist_of_its_files_and_time(checkout: Path, tmp_path: Path) -> None:
    (checkout / "cli" / "stray.py").write_text("import nothing_that_is_there")
    try:
        sdist, wheel = sorted(build_last_commit(checkout, tmp_path / "dist"), key=lambda path: path.suffix)
    finally:
        (checkout / "cli" / "stray.py").unlink()
    with tarfile.open(sdist) as files:
        members = files.getmembers()
    assert {member.mtime for member in members} == {int(COMMITTED.timestamp())}
    names = {member.name.partition("/")[2] for member in members if member.isfile()}
    assert names == {*git(checkout, "ls-files").splitlines(), "PKG-INFO"}
    with zipfile.ZipFile(wheel) as archive:
        times = {each.date_time for each in archive.infolist()}
        assert times == {(2026, 11, 28, 10, 20, 30)}
        assert "tidemill/cli/stray.py" not in archive.namelist()
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {sdist.name, wheel.name}


def test_builds_that_differ_are_refused(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(source: Path, target: Path, *_: str) -> list[Path]:
        target.mkdir()
        (target / "x-1.whl").write_text(str(source))
        return [target / "x-1.whl"]

    monkeypatch.setattr(dist, "_build", build)
    with pytest.raises(NotReproducible, match=r"two builds differ: x-1\.whl"):
        build_last_commit(checkout, tmp_path / "dist")
    assert not (tmp_path / "dist").exists()
