"""Runs code in a process of its own, which may raise walls around itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]

_TRY = """
import os, sys
from pathlib import Path
from serve.sql.inside import landlock, libc, privileges, seccomp

def tried(what):
    try:
        return what()
    except Exception as error:
        return type(error).__name__

"""


def behind(code: str, *arguments: str) -> list[str]:
    """The lines that `code` printed; `tried(f)` there is what f returned, or the name of the error that it raised."""
    done = subprocess.run(
        [sys.executable, "-c", _TRY + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()
