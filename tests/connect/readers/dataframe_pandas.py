"""ducklake-dataframe, for pandas."""

from pathlib import Path

import pyarrow as pa
from asked import Read, answer
from ducklake_pandas import read_ducklake


def reader(lake: Path) -> Read:
    def read(table: str, version: int | None) -> pa.Table:
        frame = read_ducklake(f"{lake}/catalog.sqlite", table, snapshot_version=version)
        return pa.Table.from_pandas(frame, preserve_index=False)

    return read


answer(reader)
