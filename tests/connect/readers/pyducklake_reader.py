"""pyducklake, which drives the official extension."""

from pathlib import Path

import pyarrow as pa
from asked import Read, answer
from pyducklake import Catalog


def reader(lake: Path) -> Read:
    catalog = Catalog("lake", f"sqlite:{lake}/catalog.sqlite")

    def read(table: str, version: int | None) -> pa.Table:
        return catalog.load_table(table).scan(snapshot_id=version).to_arrow()

    return read


answer(reader)
