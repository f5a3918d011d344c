"""The official DuckLake extension."""

from pathlib import Path

import duckdb
import pyarrow as pa
from asked import Read, answer


def reader(lake: Path) -> Read:
    connection = duckdb.connect()
    connection.execute(f"INSTALL ducklake; ATTACH 'ducklake:sqlite:{lake}/catalog.sqlite' AS lake (READ_ONLY)")

    def read(table: str, version: int | None) -> pa.Table:
        at = "" if version is None else f" AT (VERSION => {version})"
        return connection.sql(f'FROM lake."{table}"{at}').to_arrow_table()

    return read


answer(reader)
