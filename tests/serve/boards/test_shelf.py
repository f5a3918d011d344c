from pathlib import Path

import pytest

from dataflow.errors import PipelineError
from serve.boards.shelf import boards_folder, load_boards
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


def test_a_file_with_mistakes_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('title = "Bad"\n')
    with pytest.raises(PipelineError, match=r"bad\.toml"):
        load_boards(tmp_path, ADS.rollups)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(PipelineError, match=r"bad\.toml.*UTF-8|UTF-8"):
        load_boards(tmp_path, ADS.rollups)
