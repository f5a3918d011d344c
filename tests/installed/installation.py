"""An environment with an installed Tidemill, and commands in it as a user gives them."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240.0


class Installation:
    """A virtual environment; nothing of the tree or of the tests' own settings reaches its commands."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        (self.packages,) = folder.glob("lib/python*/site-packages")
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TIDEMILL_", "BYTEWAX_", "PYTHON", "DEMO_", "NUMBA_"))
        }
        self.cache = folder.parent / "cache"
        self.environment = clean | {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.cache),
        }

    def tidemill(self, folder: Path, *arguments: str, code: int = 0) -> str:
        """Run a command in `folder`: its standard output, and its standard error where it is to fail."""
        return self.run(folder, "tidemill", *arguments, code=code)

    def run(self, folder: Path, *command: str, code: int = 0, more: Mapping[str, str] | None = None) -> str:
        """Any command of the environment, with `more` in its own environment."""
        done = subprocess.run(
            command,
            cwd=folder,
            env={**self.environment, **(more or {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr
