"""Every example of docs/connect.md gives the number of clicks that `tidemill query` gives."""

import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from query.reader import LakeReader
from tests.connect.conftest import TOKEN
from tests.connect.environment import ROOT, Readers
from tests.connect.snippets import SERVER, Snippet, play, snippets

ALL = snippets()
OF_THE_LAKE = [each for each in ALL if SERVER not in each.code]
OF_THE_SERVER = [each for each in ALL if SERVER in each.code]


def named(snippet: Snippet) -> str:
    return f"{snippet.head} {snippet.number}"


@pytest.fixture(scope="module")
def folder(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples run, one after the other."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "lake").symlink_to(lake)
    # marimo keeps what it saw beside the notebook
    (folder / "docs" / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "notebooks" / "ads.py", folder / "docs" / "notebooks")
    return folder


@pytest.fixture(scope="module")
def clicks(truth: LakeReader) -> str:
    (row,) = truth.snapshot().query("SELECT sum(clicks)::BIGINT AS n FROM ad_clicks_1m").to_pylist()
    assert row["n"] > 100
    return str(row["n"])


def test_the_page_has_examples_of_each_way() -> None:
    assert {each.language for each in ALL} == {"sh", "sql", "python", "js"}
    assert len({each.head for each in OF_THE_SERVER}) > 5
    assert len({each.head for each in OF_THE_LAKE}) > 2


@pytest.mark.parametrize("snippet", OF_THE_LAKE, ids=named)
def test_an_example_that_reads_the_lake_counts_the_clicks(
    snippet: Snippet, readers: Readers, folder: Path, clicks: str
) -> None:
    said = play(snippet, readers, folder)
    if not said and snippet.language == "sh":
        return  # it makes a file for those after it
    assert said.split()[-1] == clicks


@pytest.mark.parametrize("snippet", OF_THE_SERVER, ids=named)
def test_an_example_that_asks_the_server_counts_the_clicks(
    snippet: Snippet, readers: Readers, folder: Path, clicks: str, server: str
) -> None:
    said = play(snippet, readers, folder, server)
    if "ads.html" in snippet.code:
        said = (folder / "ads.html").read_text()
        assert f"{clicks} clicks of 8 ads" in said
    else:
        assert said.split()[-1] == clicks
    if "curl" in snippet.code:
        assert said.split() == [clicks, "clicks", clicks]


def test_the_notebook_is_a_script_too_and_takes_a_token(
    readers: Readers, folder: Path, clicks: str, guarded: str
) -> None:
    command = [str(readers.python), "-W", "error", "docs/notebooks/ads.py", "--", "--url", guarded]
    said = readers.run(command, cwd=folder, more={"TIDEMILL_SERVE_TOKEN": TOKEN})
    assert said.startswith(f"{clicks} clicks of 8 ads at snapshot ")


def test_a_text_that_looks_like_a_formula_is_itself_in_csv_and_a_text_in_the_workbook(
    readers: Readers, folder: Path, server: str
) -> None:
    csv = readers.run(["curl", "-s", f"{server}/api/v1/reports/ad_clicks_1m?total=true&format=csv"])
    assert [line.split(",")[0] for line in csv.splitlines() if "1+1" in line] == ["=1+1"]
    (snippet,) = [each for each in OF_THE_SERVER if "openpyxl" in each.code]
    play(snippet, readers, folder, server)
    with ZipFile(folder / "clicks.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<t>=1+1</t>" in sheet
