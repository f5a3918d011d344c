"""Where DuckDB's types look for Arrow's."""

from . import RecordBatchReader as RecordBatchReader
from . import Schema as Schema
from . import Table as Table
