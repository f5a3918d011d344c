"""A line that is missing, twice or not counted would be noticed; rotated files keep what was written."""

import json
from pathlib import Path

from tests.chaos.checkers import DUPLICATE, LOST, UNEQUAL
from tests.chaos.rotation import Logs, check_lines


def test_lines_that_are_missing_twice_or_not_counted_are_noticed() -> None:
    assert check_lines("abc", "cab", 3) == []
    assert [each.name for each in check_lines("abc", "ab", 3)] == [LOST]
    assert [each.name for each in check_lines("abc", "abcc", 3)] == [DUPLICATE]
    assert [each.name for each in check_lines("abc", "abc", 2)] == [UNEQUAL]


def test_every_line_stays_in_one_file_when_files_are_rotated(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "logs")
    logs.write("shop", 3)
    logs.rotate("shop")
    logs.rotate("shop")
    names = sorted(path.name for path in logs.folder.iterdir())
    assert names == ["shop-001.ndjson", "shop-002.ndjson", "shop.ndjson"]
    lines = [json.loads(line)["id"] for path in logs.folder.iterdir() for line in path.read_text().splitlines()]
    assert sorted(lines) == sorted(logs.ids)
    assert len(set(lines)) == 13
