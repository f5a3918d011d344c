"""Lists of what there is: reports, snapshots, corrected windows."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from dataflow.errors import PipelineError
from query import lateness
from query.reports import Report
from query.snapshots import list_snapshots
from serve.ask.parameters import Pairs, Parameter, read
from serve.ask.question import AS_OF, Asking, Document, Found, limit
from serve.ask.report_question import iso, mistake_in
from serve.ask.rollup_question import PARAMETERS
from serve.boards import Board, load_boards
from serve.lake import LakeAt, ServedLake
from serve.problem import Problem, wrong_parameter


class _ListQuestion:
    parameters: ClassVar[Sequence[Parameter]] = (AS_OF,)
    is_table = False
    is_slow = False

    def __init__(self, pairs: Pairs) -> None:
        self.values = read(pairs, self.parameters)

    @property
    def as_of(self) -> str | int | None:
        """What was asked for."""
        as_of: str | None = self.values.get("as_of")
        return as_of

    def facts(self, at: LakeAt) -> object:
        """Nothing."""
        return None


def _states(files: Sequence[Path]) -> list[tuple[object, ...]]:
    """What differs between two states of these files."""
    found: list[tuple[object, ...]] = []
    for path in files:
        # it may be gone by now
        with suppress(OSError):
            state = path.stat()
            found.append((str(path), state.st_mtime_ns, state.st_size, state.st_ino))
    return found


class ReportsQuestion(_ListQuestion):
    """All reports: files first, then the rollups without one."""

    def facts(self, at: LakeAt) -> object:
        """The files, which may be written at any time, and the definition."""
        return _states(at.shelf.files()), at.definition

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """Name, title, kind, view and parameters of each."""
        return Document({"reports": [_report(at, name) for name in at.shelf.names()]})


def _report(at: LakeAt, name: str) -> dict[str, Any]:
    try:
        found = at.shelf.find(name)
    except PipelineError as error:
        why = error.mistakes[0]
        return {"name": name, "title": "", "kind": "report", "view": None, "parameters": [], "mistake": why}
    if isinstance(found, Report):
        mistake = f"{found.view} is not in this lake" if at.shelf.lacks(found) else None
        parameters = [
            {"name": p.name, "type": p.type.name, "default": p.default, "required": p.required, "help": p.help}
            for p in found.parameters
        ]
        kind = "report"
    else:
        mistake, kind = None, "rollup"
        parameters = [
            {"name": p.name, "type": p.kind, "default": p.default, "required": False, "help": p.help}
            for p in PARAMETERS
        ]
    return {
        "name": name,
        "title": found.title,
        "kind": kind,
        "view": found.view,
        "parameters": parameters,
        "mistake": mistake,
    }


class SnapshotsQuestion(_ListQuestion):
    """What time travel can reach, newest first."""

    parameters: ClassVar[Sequence[Parameter]] = (limit(20, 1_000),)
    is_slow = True

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """Id, time, rows added by table, and offsets read by source partition, of each."""
        with lake.alone() as reader:
            # its newest may be newer than the one that this answer names
            lines = [line for line in list_snapshots(reader, limit=self.values["limit"]) if line.id <= at.snapshot.id]
        return Document(
            {
                "snapshots": [
                    {
                        "id": line.id,
                        "time": iso(line.time),
                        "changes": line.changes,
                        "rows": line.rows,
                        "offsets": {name: list(reach) for name, reach in line.offsets.items()},
                    }
                    for line in lines
                ]
            }
        )


class LateWindowsQuestion(_ListQuestion):
    """The windows that were corrected after they were first shown as closed."""

    parameters: ClassVar[Sequence[Parameter]] = (
        AS_OF,
        Parameter("rollup", "text", "Only of this rollup."),
        Parameter("key", "text", "Only of this key, like ad_id=ad-7.", many=True),
        Parameter(
            "start", "time", "Only windows that start then or later, which reads less; UTC unless it has an offset."
        ),
        limit(100, 10_000),
    )
    is_slow = True

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """As `tidemill lateness --json`, with at most `limit` windows of each rollup, those that moved most first."""
        keys = {}
        for pair in self.values["key"]:
            column, equals, value = pair.partition("=")
            if not equals or not column:
                raise wrong_parameter("key", pair, "write COLUMN=VALUE, like ad_id=ad-7")
            keys[column] = value
        with lake.alone() as reader:
            found = lateness.lateness(
                reader, rollup=self.values["rollup"], key=keys, as_of=str(at.snapshot.id), since=self.values["start"]
            )
        rollups = lateness.as_json(found)
        for each in rollups:
            each["windows"] = each["windows"][: self.values["limit"]]
        return Document({"rollups": rollups})


class BoardsQuestion(_ListQuestion):
    """The boards of the page: files beside the pipeline, and one that is made from the rollups."""

    def facts(self, at: LakeAt) -> object:
        """The files, which may be written at any time, those of the reports that panels show among them."""
        return _states([*at.board_files(), *at.shelf.files()])

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """Name, title and help of each, in the order of the page's tabs, and what is wrong with its file."""
        return Document({"boards": [board.line() for board in _boards(lake, at)]})


class BoardQuestion(_ListQuestion):
    """One board with its panels."""

    def __init__(self, name: str, pairs: Pairs) -> None:
        super().__init__(pairs)
        self.name = name

    def facts(self, at: LakeAt) -> object:
        """The files, as for their list."""
        return _states([*at.board_files(), *at.shelf.files()])

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """All that the page needs to draw it."""
        boards = _boards(lake, at)
        for board in boards:
            if board.name == self.name:
                _require_right(lake, board)
                return Document(board.to_json())
        known = ", ".join(board.name for board in boards)
        raise Problem(404, "board-unknown", "there is no such board", self.name[:200], f"there are {known}")


def _boards(lake: ServedLake, at: LakeAt) -> list[Board]:
    return load_boards(lake.boards, at.definition.rollups, at.definition.name, partial(mistake_in, at.shelf))


def _require_right(lake: ServedLake, board: Board) -> None:
    if board.mistakes:
        path = f"{board.name}.toml" if lake.boards is None else str(lake.boards / f"{board.name}.toml")
        raise Problem(
            422,
            "wrong-board",
            "the board's file has a mistake",
            str(PipelineError(path, list(board.mistakes))),
            "correct the file; `tidemill check` shows the same",
        )
