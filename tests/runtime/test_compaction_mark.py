"""The mark of a compactor that does not work."""

from datetime import UTC, datetime
from pathlib import Path

from runtime.compaction_mark import NAME, CompactionMark, CompactionTrouble

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_what_was_written_last_is_read_until_it_is_cleared(tmp_path: Path) -> None:
    mark = CompactionMark(tmp_path)
    assert mark.read() is None
    mark.write("killed", 1, NOON)
    mark.write("killed again", 2, NOON)
    assert CompactionMark(tmp_path).read() == CompactionTrouble("killed again", 2, NOON)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    mark.clear()
    mark.clear()
    assert mark.read() is None


def test_a_folder_that_is_gone_and_a_mark_that_is_none_disturb_nobody(tmp_path: Path) -> None:
    CompactionMark(tmp_path / "gone").write("killed", 1, NOON)
    CompactionMark(tmp_path / "gone").clear()
    for text in ("", "[]", "{}", '{"reason": "r", "failures": "many", "since": "2026-01-01"}'):
        (tmp_path / NAME).write_text(text)
        assert CompactionMark(tmp_path).read() is None
