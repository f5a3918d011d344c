"""Turns: compactions beside each other, an erasure alone."""

from pathlib import Path

import pytest

from dataflow.errors import LakeError
from sinks.lake.upkeep.turn import TRIES, shared_turn, sole_turn


def test_compactions_hold_turns_beside_each_other_and_none_while_an_erasure_has_its_own(tmp_path: Path) -> None:
    with shared_turn(tmp_path) as first, shared_turn(tmp_path) as second:
        assert (first, second) == (True, True)
    with sole_turn(tmp_path, lambda: None), shared_turn(tmp_path) as free:
        assert not free
    with shared_turn(tmp_path) as free:
        assert free


def test_an_erasure_waits_and_says_so_when_the_others_do_not_end(tmp_path: Path) -> None:
    waited: list[int] = []
    with (
        shared_turn(tmp_path),
        pytest.raises(LakeError, match="nothing was changed"),
        sole_turn(tmp_path, lambda: waited.append(1)),
    ):
        raise AssertionError
    assert len(waited) == TRIES
