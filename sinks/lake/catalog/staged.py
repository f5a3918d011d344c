"""What the catalog is told of a data file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColumnStats:
    """One column of one file, in DuckLake's terms. `low`/`high` are texts, None = unknown or no value."""

    column_id: int
    type: str
    size_bytes: int
    value_count: int
    null_count: int
    low: str | None
    high: str | None
    contains_nan: bool | None


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that is durable on disk and not yet in the catalog. `path` is relative to the table's folder."""

    table: str
    table_id: int
    path: str
    rows: int
    size_bytes: int
    footer_bytes: int
    digest: str
    columns: tuple[ColumnStats, ...]
