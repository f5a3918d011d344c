"""How a pipeline is named, `PATH[:NAME]`, and its file: found without running it."""

from pathlib import Path


def split_place(spec: str) -> tuple[Path, str | None]:
    """The Python file that `spec` names, and the name in it if there is one. The file need not exist."""
    if Path(spec).is_file():
        return Path(spec), None
    head, colon, name = spec.rpartition(":")
    if colon and name.isidentifier():
        return Path(head), name
    return Path(spec), None
