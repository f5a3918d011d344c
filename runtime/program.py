"""The program itself, started again: how the commands of its children begin."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dataflow.root import INSTALLED, ROOT


def this_command(arguments: Sequence[str]) -> list[str]:
    """The command that runs this program again with `arguments`, whatever the working folder holds."""
    if INSTALLED:
        # -P: without it, Python would look for modules in the working folder first
        return [sys.executable, "-P", "-m", ROOT.rstrip("."), *arguments]
    return [sys.executable, str(Path(__file__).resolve().parents[1] / "run.py"), *arguments]
