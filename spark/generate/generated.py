"""What `generate` gives: the files of a job."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated job. `files`: name -> text; `tables`: the folders of Parquet files that it writes, by name."""

    files: Mapping[str, str]
    tables: tuple[str, ...]
