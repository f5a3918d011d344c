"""One DuckDB query over files of `bench.engines_pipeline.one`'s events, by Tidemill's exact rule for late ones."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.peers.told import BOUND_MS, LATENESS_MS

WINDOW_MS = 60_000
_COLUMNS = {
    "event_id": "VARCHAR",
    "event_time": "BIGINT",
    "event_type": "VARCHAR",
    "ad_id": "VARCHAR",
    "user_id": "VARCHAR",
    "cost": "DECIMAL(18, 6)",
}


def query(files: Sequence[Path], window_ms: int = WINDOW_MS) -> str:
    """Counts and sums per ad and window of the events that were in time.

    A row's watermark is the largest event time before it in its file, less the bound. Window functions in this form go
    by the file's own order, over rows as they are read, and the files are read side by side.
    """
    columns = ", ".join(f"{name}: '{type_}'" for name, type_ in _COLUMNS.items())
    each = "\nUNION ALL\n".join(
        f"SELECT event_time, ad_id, cost, lag(newest) OVER () - {BOUND_MS} AS watermark FROM (\n"
        "SELECT event_time, ad_id, cost, max(event_time) OVER (ROWS UNBOUNDED PRECEDING) AS newest\n"
        f"FROM read_json('{file}', format = 'newline_delimited', columns = {{{columns}}}))"
        for file in files
    )
    window = f"event_time // {window_ms} * {window_ms}"
    return (
        f"SELECT ad_id, {window} AS window_ms, count(*) AS events, sum(cost) AS spend\nFROM ({each})\n"
        f"WHERE watermark IS NULL OR {window} + {window_ms - 1 + LATENESS_MS} > watermark\nGROUP BY ALL"
    )


def main() -> None:
    """Write the answer as Parquet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with duckdb.connect(config={"threads": given.threads}) as connection:
        connection.execute(f"COPY ({query(sorted(given.folder.glob('*.ndjson')))}) TO '{given.out}' (FORMAT parquet)")


if __name__ == "__main__":
    main()
