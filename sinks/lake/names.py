"""Names of the lake's files and folders: given here, and known again here."""

import re
from pathlib import Path
from typing import NamedTuple

SCHEMA_FOLDER = "main/"
"""Where the tables of our schema lie, relative to the lake."""

DIMENSIONS_FOLDER = "dimensions"
"""Where copies of dimensions' files lie, relative to the lake."""

_MERGED_FILE = re.compile(r"compact-[0-9a-f]+\.parquet")
_SINK_FILE = re.compile(r"(?P<pipeline>.+)-lake-(?P<epoch>\d+)-(?P<incarnation>\d+)-[0-9a-f]+\.parquet")
_COPY = re.compile(r"[0-9a-f]{64}\.csv")
_PARTIAL = re.compile(r"[0-9a-f]{64}\.csv\.[0-9a-f]{12}\.tmp")


class SinkFile(NamedTuple):
    """What the name of a file that a pipeline's sink wrote says: whose it is, of which epoch, by which run."""

    pipeline: str
    epoch: int
    incarnation: int


def unique_name() -> str:
    """A part of a file name that no other run has used."""
    # only who writes needs it, and the platform that it asks for
    import uuid

    return uuid.uuid4().hex[:12]


def sink_file_name(file: SinkFile, unique: str) -> str:
    """The name that a sink gives; `unique` as of `unique_name`."""
    return f"{file.pipeline}-lake-{file.epoch:010d}-{file.incarnation}-{unique}.parquet"


def merged_file_name(unique: str) -> str:
    """The name that compaction gives; `unique` as of `unique_name`."""
    return f"compact-{unique}.parquet"


def sink_file(name: str) -> SinkFile | None:
    """What the name of a sink's file says; None for any other name."""
    match = _SINK_FILE.fullmatch(name)
    return match and SinkFile(match["pipeline"], int(match["epoch"]), int(match["incarnation"]))


def is_merged_file(name: str) -> bool:
    """Whether a file has the name of one that compaction wrote."""
    return _MERGED_FILE.fullmatch(name) is not None


def dimension_path(lake: Path, sha256: str) -> Path:
    """The place of the copy of a dimension's file, by the SHA-256 of its bytes (hex)."""
    return lake / DIMENSIONS_FOLDER / f"{sha256}.csv"


def is_dimension_copy(path: str) -> bool:
    """Whether a path, relative to the lake, is that of such a copy, whole or left of one that was being written."""
    folder, _, name = path.partition("/")
    return folder == DIMENSIONS_FOLDER and (_COPY.fullmatch(name) is not None or is_partial(name))


def partial_name(name: str, unique: str) -> str:
    """The name of a copy while it is written; `unique` as of `unique_name`."""
    return f"{name}.{unique}.tmp"


def is_partial(name: str) -> bool:
    """Whether a file has the name of a copy that was being written."""
    return _PARTIAL.fullmatch(name) is not None


def is_own_name(name: str) -> bool:
    """Whether a file has a name that we give."""
    return is_merged_file(name) or sink_file(name) is not None


def table_path(path: str) -> str:
    """The folder of a table, relative to the lake, from its own path in the catalog."""
    return SCHEMA_FOLDER + path


def table_folder(lake: Path, path: str) -> Path:
    """The folder of a table of the lake at `lake`, from its own path in the catalog."""
    return lake / table_path(path)
