"""The page's packages in a folder of a test, by the ordinary npm."""

import shutil
import subprocess
from pathlib import Path

from tests.page.served import ROOT

PAGE = ROOT / "page"


def install(folder: Path) -> Path:
    """Copy the page's sources into `folder` and install what they name; returns node_modules."""
    shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns("node_modules"), dirs_exist_ok=True)
    subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True, timeout=300)
    return folder / "node_modules"
