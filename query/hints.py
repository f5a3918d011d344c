"""What to write instead, for mistakes in a query that people make often."""

import re
from collections.abc import Iterable, Mapping

from dataflow.sql import quoted
from sinks.lake.catalog.layout import TableLayout

_MISSING = re.compile(r'(?:Referenced (?:table|column)|does not have a column named) "([^"]+)"')


def hint(message: str, tables: Mapping[str, TableLayout], names: Iterable[str]) -> str:
    """A line to put after DuckDB's message, with the newline before it; empty where there is none to give."""
    if "does not exist" in message:
        return f"\nThe lake holds: {', '.join(names)}"
    columns = {column.name for table in tables.values() for column in table.columns}
    for name in _MISSING.findall(message):
        inside = sorted(column for column in columns if column.lower().startswith(f"{name.lower()}."))
        if inside:
            return f"\nA nested column is asked for in quotes: {', '.join(map(quoted, inside))}"
    return ""
