"""Files without a byte, in forms that always have some: they wait and stop nothing."""

from pathlib import Path

import pytest

from dataflow.errors import OffsetLost
from dataflow.sources.files.content_print import known_of
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, judged
from tests.dataflow.sources.files.written import FORMS, ORDERS, as_avro, as_parquet, write


@pytest.mark.parametrize(("name", "of"), [("a.parquet", as_parquet), ("a.avro", as_avro)])
def test_an_empty_file_waits_and_is_read_once_it_is_written(tmp_path: Path, name: str, of: object) -> None:
    write(tmp_path, "b.ndjson", FORMS["a.ndjson"](ORDERS))
    path = write(tmp_path, name, b"")
    source = FilesSource(tmp_path, EVENT)
    assert source.partitions() == ["a", "b"]
    reader = source.open("a", None, None)
    assert judged(reader) == ([], [])
    assert (reader.position, reader.finished, reader.unfinished, reader.lag()) == (0, True, True, 1)
    assert judged(source.open("b", None, None)) == (ORDERS, [])
    assert callable(of)
    path.write_bytes(of(ORDERS))
    later = FilesSource(tmp_path, EVENT, known={"a": known_of(reader.content), "b": None})
    assert judged(later.open("a", 0, reader.hint)) == (ORDERS, [])
    path.write_bytes(b"")
    with pytest.raises(OffsetLost, match="read up to record 2, but is empty"):
        FilesSource(tmp_path, EVENT).open("a", 2, None)
    assert reader.poll(1, 1) is None
    assert reader.waiting() is None
    reader.confirm()
