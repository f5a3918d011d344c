"""What became of a question is told with what happened and what to do."""

from pathlib import Path

import pyarrow as pa
import pytest

from dataflow.errors import QueryError, SqlCancelled, SqlFailed, SqlRefused, SqlTooLong, SqlTooMuch
from query.reader import LakeReader
from serve.sql.child import Said
from serve.sql.limits import SqlLimits
from serve.sql.outcome import answered, error_of
from tests.query.lakes import LakeMaker
from tests.serve.sql.test_received import stream_of

LIMITS = SqlLimits()


@pytest.mark.parametrize(
    ("said", "cancelled", "error", "words"),
    [
        (Said(b"", {"error": "stopped"}), False, SqlTooLong, "longer than 2 s"),
        (Said(b"", {"error": "stopped"}), True, SqlCancelled, "taken back"),
        (Said(b"", {"error": "gone"}, is_late=True, code=-9), False, SqlTooLong, "longer than 2 s"),
        (Said(b"", {"error": "gone"}, is_late=True, code=-9), True, SqlCancelled, "taken back"),
        (Said(b"", {"error": "gone"}, code=-9), False, SqlTooMuch, "1.0 GiB of memory"),
        (Said(b"", {"error": "gone"}, code=-9), True, SqlTooMuch, "memory"),
        (Said(b"", {"error": "memory"}), False, SqlTooMuch, "serve_sql_memory_bytes"),
        (Said(b"", {"error": "gone"}, code=-24), False, SqlTooMuch, "processor time"),
        (Said(b"", {"error": "gone"}, code=-11), False, SqlFailed, "SIGSEGV"),
        (Said(b"", {"error": "gone"}, code=-64), False, SqlFailed, "another one takes its place"),
        (Said(b"", {"error": "gone"}, code=1), False, SqlFailed, "another one takes its place"),
        (Said(b"", {"error": "broken", "message": "why"}), False, SqlFailed, "why"),
        (Said(b"", {"error": "refused", "message": "no"}), False, SqlRefused, "no"),
        (Said(b"", {"error": "query", "message": "Binder"}), False, QueryError, "Binder"),
    ],
)
def test_each_end_has_its_error(said: Said, cancelled: bool, error: type[Exception], words: str) -> None:
    told = error_of(said, 2, LIMITS, is_cancelled=cancelled)
    assert type(told) is error
    assert words in str(told)


def test_an_answer_whose_end_tells_something_else_than_its_stream_is_none(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as maker, LakeReader(maker.folder) as reader:
        resolved = reader.snapshot().resolved
    stream = stream_of(pa.table({"i": [1, 2]}))
    answer = answered(Said(stream, {"rows": 2, "cut": "bytes"}), resolved, 5, LIMITS)
    assert (answer.table.num_rows, answer.is_cut) == (2, True)
    assert "64 MiB" in str(answer.why_cut)
    for end in ({"rows": 3, "cut": None}, {"rows": 2, "cut": "x"}, {"rows": 2, "cut": ["rows"]}, {}):
        with pytest.raises(SqlFailed, match="no proper answer"):
            answered(Said(stream, end), resolved, 5, LIMITS)
