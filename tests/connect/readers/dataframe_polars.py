"""ducklake-dataframe, for Polars."""

from pathlib import Path

import pyarrow as pa
from asked import Read, answer
from ducklake_polars import read_ducklake


def reader(lake: Path) -> Read:
    def read(table: str, version: int | None) -> pa.Table:
        return read_ducklake(f"{lake}/catalog.sqlite", table, snapshot_version=version).to_arrow()

    return read


answer(reader)
