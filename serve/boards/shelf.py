"""The boards that there are: the files of a folder, then the overview."""

from collections.abc import Sequence
from pathlib import Path

from dataflow.errors import PipelineError
from dataflow.pipeline.place import split_place
from serve.boards.board import Board
from serve.boards.overview import overview
from serve.boards.read import Asked, board_of, pipeline_of
from sinks.lake.tables.definition import RollupDefinition


def boards_folder(pipeline: str) -> Path:
    """Where the boards of the pipeline `PATH[:NAME]` are: `boards/` beside its file."""
    return split_place(pipeline)[0].parent / "boards"


def board_files(folder: Path) -> list[Path]:
    """Every file of a board, by name; `folder` need not be there."""
    return sorted(folder.glob("*.toml"))


def load_boards(
    folder: Path | None,
    rollups: Sequence[RollupDefinition] | None,
    pipeline: str | None = None,
    asked: Asked | None = None,
) -> list[Board]:
    """All boards, in the order of the page's tabs: files by name, then the overview of the rollups.

    `folder` need not be there. `rollups`: None while there is no lake; then names are not checked, and the overview
    has figures alone. `pipeline`: the name of the lake's pipeline; boards of another one are left out. `asked`: what
    is wrong with the question of a report's panel. A file with mistakes is a board that has them, and hides no other.
    """
    boards = [] if folder is None else _of_files(folder, rollups, pipeline, asked)
    made = overview(rollups or ())
    taken = [board.name for board in boards if board.name == made.name]
    return boards if taken else [*boards, made]


def check_boards(
    folder: Path, rollups: Sequence[RollupDefinition] | None, pipeline: str | None = None, asked: Asked | None = None
) -> list[Board]:
    """The boards of the files, each found to be right; see `load_boards`.

    Raises PipelineError with every mistake of every file.
    """
    boards = _of_files(folder, rollups, pipeline, asked)
    mistakes = [f"{board.name}.toml, {mistake}" for board in boards for mistake in board.mistakes]
    if mistakes:
        raise PipelineError(str(folder), mistakes)
    return boards


def _of_files(
    folder: Path, rollups: Sequence[RollupDefinition] | None, pipeline: str | None, asked: Asked | None
) -> list[Board]:
    known = None if rollups is None else {rollup.name: rollup for rollup in rollups}
    boards = []
    for path in board_files(folder):
        try:
            text = _text_of(path)
            if pipeline_of(text) in (None, pipeline) or pipeline is None:
                boards.append(board_of(path, text, known, asked))
        except PipelineError as error:
            boards.append(Board(path.stem, path.stem, (), mistakes=tuple(error.mistakes)))
    return boards


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PipelineError(str(path), [f"the file cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise PipelineError(str(path), ["the file is not UTF-8; save it as UTF-8"]) from None
