"""Programs that are a few lines of shell, on a PATH of their own."""

from pathlib import Path


def program(folder: Path, name: str, script: str) -> None:
    """Put an executable `name` into the folder."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
