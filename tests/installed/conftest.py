"""The wheel of this tree, built once, and an environment that holds it and none of the tree."""

import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.installed.installation import ROOT, Installation


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The packages that Tidemill needs come from the environment of the tests, and nothing is fetched."""
    folder = tmp_path_factory.mktemp("installation") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    found = Installation(folder)
    # A folder that a .pth names is looked into, but its own .pth files, of which one names the tree, are not read.
    (found.packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ["install", "--quiet", "--no-deps", "--no-index"]
    if find_spec("pip") is None:
        command = ["uv", "pip", *install, "--python", str(found.python), str(wheel)]
    else:
        command = [
            str(found.python),
            "-m",
            "pip",
            *install,
            "--disable-pip-version-check",
            "--ignore-installed",
            str(wheel),
        ]
    subprocess.run(command, check=True, env={**os.environ, "PIP_CONFIG_FILE": os.devnull})
    return found
