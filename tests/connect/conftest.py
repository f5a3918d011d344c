"""A lake that has seen some life, and the programs that read it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.connect.ads_lake import make_lake
from tests.connect.environment import ROOT, Readers


@pytest.fixture(scope="package")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Merged files with time travel into them, fresh files, a field that came later, what is deleted still there."""
    return make_lake(tmp_path_factory.mktemp("connect") / "ads")


@pytest.fixture(scope="package")
def truth(lake: Path) -> Iterator[LakeReader]:
    """What `tidemill query` reads with."""
    with LakeReader(lake) as reader:
        yield reader


@pytest.fixture(scope="package")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Readers:
    return Readers(tmp_path_factory.mktemp("home"))


TOKEN = "of-the-tests-only-0123456789abcdef"


def serve(lake: Path, **more: str) -> subprocess.Popen[str]:
    """A real server over the lake, on a port that is free; its first line is its address."""
    command = [sys.executable, "run.py", "serve", "--serve-port", "0", "--lake", str(lake), "--log-level", "error"]
    command += ["--pipeline", str(lake.parent / "pipelines" / "ads.py")]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **more}, stdout=subprocess.PIPE, text=True)


def address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    said = server.stdout.readline().strip()
    assert said.startswith("http://")
    return said


@pytest.fixture(scope="package")
def server(lake: Path) -> Iterator[str]:
    """Its address."""
    with serve(lake) as process:
        try:
            yield address(process)
        finally:
            process.terminate()
    assert process.returncode == 0


@pytest.fixture(scope="package")
def guarded(lake: Path) -> Iterator[str]:
    """The address of one that asks for TOKEN."""
    with serve(lake, TIDEMILL_SERVE_TOKEN=TOKEN) as process:
        try:
            yield address(process)
        finally:
            process.terminate()
