"""ducklake-sdk, a reader in Rust with Polars in front."""

from pathlib import Path

import ducklake
import pyarrow as pa
from asked import Read, answer


def reader(lake: Path) -> Read:
    def read(table: str, version: int | None) -> pa.Table:
        return (
            ducklake.connect(f"sqlite:///{lake}/catalog.sqlite", at=version, readonly=True)
            .table(table)
            .read_polars()
            .to_arrow()
        )

    return read


answer(reader)
