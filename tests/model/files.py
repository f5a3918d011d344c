"""Files as source partitions: one record a line."""

from pathlib import Path

from tests.model.spec import Record


def records_of(content: bytes) -> list[Record]:
    """Every line a record, its number the offset; what follows the last newline is one only if not empty."""
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [Record(at, line) for at, line in enumerate(lines)]


def read_folder(folder: Path) -> dict[str, list[Record]]:
    """Source partitions by name: every *.ndjson file."""
    return {path.stem: records_of(path.read_bytes()) for path in sorted(folder.glob("*.ndjson"))}
