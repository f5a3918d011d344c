"""Every form of file gives the same events."""

import gzip
from pathlib import Path

import pytest

from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, judged, polls
from tests.dataflow.sources.files.written import FORMS, ORDERS, as_csv, as_lines, write, zst


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("max_records", [1, 1000])
def test_each_form_gives_the_same_events_from_any_place(tmp_path: Path, name: str, max_records: int) -> None:
    write(tmp_path / "deep" / "er", name, FORMS[name](ORDERS))
    source = FilesSource(tmp_path, EVENT)
    (partition,) = source.partitions()
    assert partition == name.partition(".")[0]
    assert judged(source.open(partition, None, None), max_records=max_records) == (ORDERS, [])
    for start in range(len(ORDERS) + 1):
        first = source.open(partition, None, None, start)
        polls(first)
        assert first.position == start
        for hint in (None, first.hint):
            assert judged(source.open(partition, start, hint))[0] == ORDERS[start:]


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz", "a.ndjson.zst", "a.csv"])
def test_an_unfinished_last_line_waits_unless_the_input_ends_there(tmp_path: Path, name: str) -> None:
    plain = as_csv if name == "a.csv" else as_lines
    pack = gzip.compress if name.endswith("gz") else zst if name.endswith("zst") else bytes
    whole = plain([ORDERS[0], ORDERS[1]])
    cut = len(plain([ORDERS[0]])) + 12
    path = write(tmp_path, name, pack(whole[:cut]))
    waiting = FilesSource(tmp_path, EVENT, whole=False).open("a", None, None)
    assert judged(waiting) == (ORDERS[:1], [])
    assert waiting.unfinished
    events, ((reason, message),) = judged(FilesSource(tmp_path, EVENT, whole=True).open("a", None, None))
    assert (events, reason) == (ORDERS[:1], "malformed")
    assert message.endswith("; the file ends inside this line, without a newline")
    path.write_bytes(pack(whole.removesuffix(b"\n").removesuffix(b"\r")))
    assert judged(FilesSource(tmp_path, EVENT, whole=True).open("a", None, None)) == (ORDERS[:2], [])
    path.write_bytes(pack(whole))
    grown = FilesSource(tmp_path, EVENT, whole=False).open("a", 1, waiting.hint)
    assert judged(grown) == (ORDERS[1:2], [])
    assert not grown.unfinished
