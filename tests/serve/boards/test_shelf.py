from pathlib import Path

import pytest

from dataflow.errors import PipelineError
from serve.boards.shelf import boards_folder, check_boards, load_boards
from tests.serve.boards.boards import ROOT, SHIPPED, board, definition

ADS = definition("ads")
PAYMENTS = definition("payments")


def test_the_shipped_boards_are_right() -> None:
    names = [each.name for each in load_boards(SHIPPED, ADS.rollups, ADS.name)]
    assert names == [*(path.stem for path in sorted(SHIPPED.glob("*.toml"))), "overview"]


def test_a_board_of_another_pipeline_is_left_out() -> None:
    assert [each.name for each in load_boards(SHIPPED, PAYMENTS.rollups, PAYMENTS.name)] == ["overview"]


def test_boards_stand_beside_the_pipelines_file() -> None:
    assert boards_folder("pipelines/ads.py:pipeline") == Path("pipelines/boards")
    assert (ROOT / boards_folder("pipelines/ads.py")).is_dir()


def test_without_a_folder_there_is_the_overview(tmp_path: Path) -> None:
    assert [each.name for each in load_boards(tmp_path / "none", ADS.rollups)] == ["overview"]
    assert [each.name for each in load_boards(None, None)] == ["overview"]


def test_a_file_called_overview_stands_for_the_one_that_is_made(tmp_path: Path) -> None:
    (tmp_path / "overview.toml").write_text(board())
    (found,) = load_boards(tmp_path, ADS.rollups)
    assert found.title == "Mine"
    assert not found.is_made


BAD = {"bad.toml": (b'title = "Bad"\n', "there is no panel"), "late.toml": (b"\xff", "save it as UTF-8")}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two boards with mistakes, and one that is right."""
    (tmp_path / "good.toml").write_text(board())
    for name, (text, _) in BAD.items():
        (tmp_path / name).write_bytes(text)
    return tmp_path


def test_a_file_with_mistakes_is_a_board_that_tells_them_and_hides_no_other(mixed: Path) -> None:
    found = load_boards(mixed, ADS.rollups)
    assert [each.name for each in found] == ["bad", "good", "late", "overview"]
    for each in found:
        told = BAD.get(f"{each.name}.toml")
        assert bool(each.mistakes) == (told is not None)
        assert told is None or told[1] in each.mistakes[0]
        assert each.line()["mistake"] == (each.mistakes[0] if told is not None else None)


def test_a_check_tells_every_mistake_of_every_file(mixed: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        check_boards(mixed, ADS.rollups)
    assert caught.value.where == str(mixed)
    assert [mistake.partition(", ")[0] for mistake in caught.value.mistakes] == sorted(BAD)
    assert [each.name for each in check_boards(SHIPPED, ADS.rollups, ADS.name)] == ["ads"]
