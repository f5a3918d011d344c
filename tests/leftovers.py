"""What a test run leaves behind when it is over: processes, and things in the project's own folder."""

import os
import time
from pathlib import Path

MARK = "PYTEST_RUN_ID"
"""An environment variable that every process started by the tests inherits, however far down."""

ROOT = Path(__file__).parents[1]
_CACHES = {".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache", "__pycache__", ".git"}


def processes(run_id: str, patience_s: float) -> list[str]:
    """Command lines of processes of this run that still live after `patience_s`; empty where there is no /proc."""
    deadline = time.monotonic() + patience_s
    while (living := _living(run_id)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return living


def entries() -> set[str]:
    """Names at the top of the project's folder, caches left out."""
    return {path.name for path in ROOT.iterdir() if not _holds_jars_alone(path)} - _CACHES


def _holds_jars_alone(path: Path) -> bool:
    """Whether it is where jars are kept that are built once, and nothing else is there."""
    if path.name != ".run":
        return False
    return all(file.suffix in (".jar", ".lock") for file in path.rglob("*") if file.is_file())


def _living(run_id: str) -> list[str]:
    mark = f"{MARK}={run_id}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) == os.getpid() or mark not in (process / "environ").read_bytes().split(b"\0"):
                continue
            command = (process / "cmdline").read_bytes().replace(bytes(1), b" ").decode()
            # Python's own helper of this very process; it ends with it
            if "multiprocessing.resource_tracker" not in command:
                found.append(f"{process.name} {command}")
        except OSError:
            continue
    return found
