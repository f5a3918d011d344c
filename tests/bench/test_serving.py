"""The benchmark of answers in small: its parts work together, and what it writes is where it belongs."""

from pathlib import Path

import pytest

from bench.serving import PARTS, SHORT, as_markdown, measure, write_page
from bench.serving_beside import Line
from bench.serving_lake import make_lake
from bench.serving_reports import NAMES, ask
from query.reader import LakeReader
from tests.ducklake_client import require_ducklake

TINY = SHORT._replace(lakes=((100_000, 2),), beside=(100_000, 2), hours=(1, 1), poll_s=1.0, commits=2, viewers=(3, 11))


@pytest.mark.ducklake
def test_every_part_comes_to_its_figures(tmp_path: Path) -> None:
    require_ducklake()
    lines, facts = measure(tmp_path, TINY, 1, PARTS)
    assert len(lines) == 16
    assert all("nan" not in line.found for line in lines)
    assert "DuckDB" in str(facts["official client"])


def test_lakes_of_one_seed_are_equal_and_hold_what_was_asked_for(tmp_path: Path) -> None:
    answers = []
    for name in ("first", "second"):
        lake = make_lake(tmp_path / name, 140_000, 4, 5)
        lake.close()
        assert (lake.events, lake.files) == (140_000, 20)
        with LakeReader(lake.folder) as reader:
            answers.append([ask(reader.snapshot(), report, lake.now).table for report in NAMES])
    assert answers[0] == answers[1]
    assert all(table.num_rows for table in answers[0])


def test_figures_go_between_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- figures: written by `make bench-serving` -->\nold\n<!-- end of figures -->\nz\n")
    write_page(as_markdown([Line("speed", "1 ms", "2 ms")]), page)
    assert "old" not in page.read_text()
    assert "| speed | 1 ms | 2 ms |\n<!-- end of figures -->\nz\n" in page.read_text()
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="no place for the figures"):
        write_page("", page)
