"""Questions by their paths."""

import pytest

from serve.ask.ways import WAYS, question_of
from serve.problem import Problem


@pytest.mark.parametrize("path", [*WAYS, "reports/x", "boards/x"])
def test_every_path_has_its_question(path: str) -> None:
    question = question_of(path, [("as_of", "3")] if path != "snapshots" else [])
    assert question.as_of == ("3" if path != "snapshots" else None)
    assert path not in WAYS or question.is_table == WAYS[path].is_table


@pytest.mark.parametrize("path", ["", "nothing", "reports/", "reports/a/b", "/reports", "late/other", "../reports"])
def test_other_paths_are_told_what_there_is(path: str) -> None:
    with pytest.raises(Problem, match="nothing at this path") as refused:
        question_of(path, [])
    assert "dead-letters/reasons" in (refused.value.hint or "")
