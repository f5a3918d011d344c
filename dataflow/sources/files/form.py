"""What a file's name says of it: how its records are written, and what source partition it would be by name."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["lines", "csv", "parquet", "avro"]
Compression = Literal["gzip", "zstd"]

_LINES = (".ndjson", ".jsonl", ".json")
_KINDS: dict[str, Kind] = {**dict.fromkeys(_LINES, "lines"), ".csv": "csv", ".parquet": "parquet", ".avro": "avro"}
_PACKED: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}

ENDINGS = (*_KINDS, *(f"{ending}{packed}" for ending in (*_LINES, ".csv") for packed in _PACKED))
"""All endings that are read, in small letters."""

NAMED = "*.ndjson, *.jsonl, *.json, *.csv (each also .gz or .zst), *.parquet or *.avro"
"""The same in words."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a file's records are written. `stem`: its name without the ending."""

    kind: Kind
    compression: Compression | None
    stem: str


def form_of(name: str) -> Form | None:
    """By the name's ending, in capital or small letters; None for a file that is not read."""
    ending = next((each for each in sorted(ENDINGS, key=len, reverse=True) if name.lower().endswith(each)), None)
    if ending is None or len(name) == len(ending):
        return None
    plain = next(each for each in _KINDS if ending.startswith(each) and ending[len(each) :] in ("", *_PACKED))
    return Form(_KINDS[plain], _PACKED.get(ending[len(plain) :]), name[: -len(ending)])
