"""The flags of commands that answer: --format, --output, --limit, --tz."""

from pathlib import Path
from typing import Annotated

from cli.flags import option

FormatFlag = Annotated[
    str | None,
    option("--format", help="table, rows, csv, json, ndjson, arrow or parquet; table if left out.", metavar="FORMAT"),
]
OutputFlag = Annotated[Path | None, option("--output", "-o", help="Write to this file.", metavar="FILE")]
ZoneFlag = Annotated[
    str | None,
    option("--tz", help="Show times in this zone, like Europe/Amsterdam; UTC if left out.", metavar="ZONE"),
]

RowsFlag = Annotated[int | None, option("--limit", min=1, help="Most rows to show; 100 on a terminal.", metavar="ROWS")]
