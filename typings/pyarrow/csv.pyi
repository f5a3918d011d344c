"""Reading CSV files."""

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from . import DataType, RecordBatchReader, Table

class ReadOptions:
    def __init__(self, *, block_size: int | None = None) -> None: ...

class ConvertOptions:
    def __init__(
        self,
        *,
        column_types: Mapping[str, DataType] | None = None,
        null_values: Sequence[str] | None = None,
        strings_can_be_null: bool | None = None,
        quoted_strings_can_be_null: bool | None = None,
        include_columns: Sequence[str] | None = None,
    ) -> None: ...

class CSVStreamingReader(RecordBatchReader): ...

def open_csv(input_file: BinaryIO, read_options: ReadOptions | None = None) -> CSVStreamingReader: ...
def read_csv(
    input_file: BinaryIO,
    read_options: ReadOptions | None = None,
    parse_options: None = None,
    convert_options: ConvertOptions | None = None,
) -> Table: ...
