"""What a process of its own costs a question, told as a multiple of the same question here."""

import asyncio
from pathlib import Path

import pytest

from bench.answers import fill
from bench.safe_sql import QUESTIONS, as_markdown, measure


def test_each_question_is_told_as_a_multiple(tmp_path: Path) -> None:
    costs, birth = asyncio.run(measure(fill(tmp_path, 300), 5))
    assert [cost.question for cost in costs] == list(QUESTIONS)
    assert all(cost.ratio == cost.child_ms / cost.here_ms for cost in costs)
    assert 0 < birth.first_ms < birth.replaced_ms
    assert as_markdown(costs, birth).splitlines()[2].startswith("| one value of a rollup | ")


def test_fewer_than_five_rounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 5"):
        asyncio.run(measure(tmp_path, 4))
