"""The bytes of packed files."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import SourceError
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, polls
from tests.dataflow.sources.files.written import write, zst


@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_a_packed_file_that_ends_in_the_middle_waits_for_the_rest(tmp_path: Path, pack: Any) -> None:
    lines = b"".join(b'{"at":%d,"name":"%d"}\n' % (n, n * n * 7919) for n in range(30_000))
    packed = pack(lines)
    path = write(tmp_path, f"a.ndjson.{'gz' if pack is gzip.compress else 'zst'}", packed[: len(packed) // 2])
    reader = FilesSource(tmp_path, EVENT).open("a", None, None)
    read = sum(poll.records.num_rows for poll in polls(reader))
    assert reader.unfinished
    path.write_bytes(packed + pack(b'{"at":1,"name":"more"}\n'))
    reader = FilesSource(tmp_path, EVENT).open("a", read, reader.hint)
    assert read + sum(poll.records.num_rows for poll in polls(reader)) == 30_001
    assert not reader.unfinished
    path.write_bytes(b"not packed at all")
    with pytest.raises(SourceError, match=r"a\.ndjson\.\w+ cannot be read behind byte 0 of its content"):
        polls(FilesSource(tmp_path, EVENT).open("a", None, None))
