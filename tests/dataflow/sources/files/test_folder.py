"""What lies in a folder: read or named."""

import os
from pathlib import Path

from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT
from tests.dataflow.sources.files.written import ORDERS, as_lines, write


def test_a_folder_names_what_it_does_not_read(tmp_path: Path) -> None:
    write(tmp_path, "a.ndjson", as_lines(ORDERS))
    assert FilesSource(tmp_path, EVENT).not_read is None
    for name in ("x.txt", "b/y.TXT", "b/z.txt", "c/w.txt", "_SUCCESS", "a.ndjson.bak"):
        write(tmp_path, name, b"{}\n")
    assert FilesSource(tmp_path, EVENT).not_read == (
        f"6 files in {tmp_path} are not read: 4 with *.txt (b/y.TXT, b/z.txt, c/w.txt and 1 more), "
        "1 with *.bak (a.ndjson.bak), 1 with no ending (_SUCCESS)"
    )


def test_a_name_that_is_no_text_is_named_and_not_read(tmp_path: Path) -> None:
    write(tmp_path, "a.ndjson", as_lines(ORDERS))
    write(tmp_path, os.fsdecode(b"c\xff.ndjson"), as_lines(ORDERS))
    write(tmp_path, os.fsdecode(b"d\xfe/e.csv"), b"order_id\n")
    source = FilesSource(tmp_path, EVENT)
    assert source.not_read == (
        f"2 files in {tmp_path} are not read: 1 with *.csv (d\\xfe/e.csv), 1 with *.ndjson (c\\xff.ndjson)"
    )
    assert source.partitions() == ["a"]
