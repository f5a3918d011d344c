"""Every example of docs/connect.md gives the number of clicks that `tidemill query` gives."""

from pathlib import Path

import pytest

from query.reader import LakeReader
from tests.connect.environment import Readers
from tests.connect.snippets import SERVER, Snippet, play, snippets

ALL = snippets()
OF_THE_LAKE = [each for each in ALL if SERVER not in each.code]


def named(snippet: Snippet) -> str:
    return f"{snippet.head} {snippet.number}"


@pytest.fixture(scope="module")
def folder(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run, one after the other."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "lake").symlink_to(lake)
    return folder


@pytest.fixture(scope="module")
def clicks(truth: LakeReader) -> str:
    (row,) = truth.snapshot().query("SELECT sum(clicks)::BIGINT AS n FROM ad_clicks_1m").to_pylist()
    assert row["n"] > 100
    return str(row["n"])


def test_the_page_has_examples_of_each_way() -> None:
    assert {each.language for each in ALL} >= {"sh", "sql", "python"}
    assert len({each.head for each in ALL}) >= 2


@pytest.mark.parametrize("snippet", OF_THE_LAKE, ids=named)
def test_an_example_that_reads_the_lake_counts_the_clicks(
    snippet: Snippet, readers: Readers, folder: Path, clicks: str
) -> None:
    said = play(snippet, readers, folder)
    if not said and snippet.language == "sh":
        return  # it makes a file for those after it
    assert said.split()[-1] == clicks
