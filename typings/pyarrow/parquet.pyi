"""Reading and writing Parquet files."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import BinaryIO, Literal

from . import NativeFile, RecordBatch, Schema, Table

_File = str | PathLike[str] | NativeFile | BinaryIO

class ColumnChunkMetaData:
    @property
    def physical_type(self) -> str: ...
    @property
    def total_compressed_size(self) -> int: ...
    @property
    def compression(self) -> str: ...

class RowGroupMetaData:
    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    def column(self, i: int) -> ColumnChunkMetaData: ...

class FileMetaData:
    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    @property
    def num_row_groups(self) -> int: ...
    @property
    def serialized_size(self) -> int: ...
    def row_group(self, i: int) -> RowGroupMetaData: ...

class ParquetFile:
    def __init__(self, source: _File) -> None: ...
    @property
    def metadata(self) -> FileMetaData: ...
    @property
    def num_row_groups(self) -> int: ...
    @property
    def schema_arrow(self) -> Schema: ...
    def iter_batches(
        self,
        batch_size: int = 65536,
        row_groups: Sequence[int] | None = None,
        columns: Sequence[str] | None = None,
        use_threads: bool = True,
    ) -> Iterator[RecordBatch]: ...
    def read(
        self, columns: Sequence[str] | None = None, use_threads: bool = True, use_pandas_metadata: bool = False
    ) -> Table: ...
    def read_row_group(
        self,
        i: int,
        columns: Sequence[str] | None = None,
        use_threads: bool = True,
        use_pandas_metadata: bool = False,
    ) -> Table: ...
    def close(self, force: bool = False) -> None: ...

def read_metadata(where: _File) -> FileMetaData: ...
def read_schema(where: _File) -> Schema: ...
def read_table(
    source: _File,
    *,
    columns: Sequence[str] | None = None,
    filters: Sequence[tuple[str, str, object]] | None = None,
    partitioning: str | None = "hive",
) -> Table: ...
def write_table(
    table: Table,
    where: _File,
    row_group_size: int | None = None,
    version: Literal["1.0", "2.4", "2.6"] = "2.6",
    use_dictionary: bool | Sequence[str] = True,
    compression: str | Mapping[str, str] = "snappy",
    write_statistics: bool | Sequence[str] = True,
    *,
    compression_level: int | Mapping[str, int] | None = None,
    use_byte_stream_split: bool | Sequence[str] = False,
    column_encoding: str | Mapping[str, str] | None = None,
    data_page_version: Literal["1.0", "2.0"] = "1.0",
    store_schema: bool = True,
    metadata_collector: list[FileMetaData] | None = None,
) -> None: ...
