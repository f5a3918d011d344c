"""Writes a generated job into a folder."""

from pathlib import Path

from dataflow import durable
from dataflow.errors import ConfigError
from spark.generate.generated import Generated


def write_files(job: Generated, out: Path) -> None:
    """Each file in the place of one that is there. Raises ConfigError where the folder cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in job.files.items():
            durable.replace(out / name, text, durable=False)
    except OSError as error:
        raise ConfigError("--out", str(out), f"cannot be written: {error.strerror}; name another folder") from None
