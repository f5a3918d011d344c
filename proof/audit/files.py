"""The audit of data files: each is there, whole, the one that was committed, and holds the rows the catalog counts."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from proof.audit.report import Finding, Report, Unproven
from query.reader import LakeSnapshot
from sinks.lake.catalog.layout import DataFile

_BLOCK_BYTES = 1 << 20


def check_files(snapshot: LakeSnapshot, digests: Mapping[int, str], report: Report) -> tuple[LakeSnapshot, bool]:
    """Check every file of the snapshot; gives a snapshot of the readable ones, and whether any had to be left out.

    `digests` are the SHA-256 of `own_file` by file id. A file that is damaged and can still be read stays in the
    snapshot, so that its rows are compared, too.
    """
    readable: dict[str, list[DataFile]] = {}
    for table in snapshot.tables:
        readable[table] = []
        for file in snapshot.files(table):
            if _check(table, file, digests.get(file.id), report):
                readable[table].append(file)
    whole = {name: list(snapshot.files(name)) for name in snapshot.tables}
    if readable == whole:
        return snapshot, False
    return snapshot.with_files(readable), True


def name_of(file: DataFile) -> str:
    """A file as findings name it: its path below the lake's folder."""
    return "/".join(file.path.parts[-3:])


def _check(table: str, file: DataFile, digest: str | None, report: Report) -> bool:
    name = (name_of(file),)
    if not file.path.is_file():
        report.add(
            Finding("file_missing", table, f"its {file.record_count} rows are missing from every answer", files=name)
        )
        return False
    report.files += 1
    report.file_bytes += file.file_size_bytes
    size = file.path.stat().st_size
    if size != file.file_size_bytes:
        detail = f"has {size} bytes, {file.file_size_bytes} were committed"
        report.add(Finding("file_size", table, detail, files=name))
    elif digest is None:
        report.unproven.append(
            Unproven(f"bytes of {name[0]}", "the catalog has no digest of it: another DuckLake client wrote it")
        )
    elif sha256_of(file.path) != digest:
        report.add(Finding("file_digest", table, "its bytes are not those that were committed", files=name))
    try:
        rows = pq.read_metadata(file.path).num_rows
        if size != file.file_size_bytes:
            pq.read_table(file.path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        detail = f"cannot be read: {str(error).splitlines()[0]}"
        report.add(Finding("unreadable", table, detail, files=name))
        return False
    if rows != file.record_count:
        detail = f"holds {rows} rows, the catalog counts {file.record_count}"
        report.add(Finding("file_rows", table, detail, files=name))
    return True


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
