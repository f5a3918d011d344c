"""ducklakepy, which reads catalog and files without DuckDB."""

from pathlib import Path

import pyarrow as pa
from asked import Read, answer
from ducklakepy import DuckLakeCatalog


def reader(lake: Path) -> Read:
    catalog = DuckLakeCatalog("lake", url=f"sqlite:///{lake}/catalog.sqlite", data_path=f"{lake}/")

    def read(table: str, version: int | None) -> pa.Table:
        at = {} if version is None else {"snapshot": catalog.snapshot_by_id(version)}
        return catalog.load_table(f"main.{table}", **at).to_arrow()

    return read


answer(reader)
