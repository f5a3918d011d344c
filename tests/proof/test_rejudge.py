"""One source partition judged again: the same verdicts however it is cut, waited for, and ended where it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.decode.decoder import decoder_for
from dataflow.enrich.joins import Joins
from dataflow.intake.judge import Judge
from dataflow.messages import Judged, Poll, Range
from proof.history import History
from proof.rejudge import Rejudging
from query.reader import LakeReader
from tests.model.files import read_folder
from tests.proof.audited import RECORDS, Audited
from tests.proof.memory_source import MemoryReader, MemorySource


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return Audited(tmp_path_factory.mktemp("rejudged"))


@contextmanager
def rejudging(
    lake: Audited,
    source: MemorySource,
    folder: Path,
    stood: tuple[int, int | None] = (0, None),
    wait: Callable[[], None] = lambda: None,
) -> Iterator[Rejudging]:
    start, seen = stood
    watermark = None if seen is None else seen - lake.plan.out_of_orderness_ms
    before = Range("left", None, 0, start, max_event_time=seen, watermark=watermark, rules=lake.plan.rules)
    again = Rejudging(source, Joins(lake.plan), History("left", [before]), start=start, folder=folder, wait=wait)
    try:
        yield again
    finally:
        again.close()


def source_of(lake: Audited, sizes: tuple[int, ...] = (7,)) -> MemorySource:
    return MemorySource(read_folder(lake.input), sizes)


def rows(pieces: list[Judged]) -> list[dict[str, Any]]:
    return [row for piece in pieces if piece.rows is not None for row in piece.rows.to_pylist()]


def dead(pieces: list[Judged]) -> list[dict[str, Any]]:
    return [row for piece in pieces if piece.dead is not None for row in piece.dead.to_pylist()]


def at_once(lake: Audited, folder: Path) -> Judged:
    """The whole partition as one poll, by judge and decoder alone."""
    poll = MemorySource(read_folder(lake.input), (1000,)).open("left", 0, None, RECORDS).poll(1000, 0)
    assert isinstance(poll, Poll)
    judge = Judge(lake.plan, "left", None, folder=folder)
    try:
        return judge.judge(poll, decoder_for(lake.plan).decode(poll.records.column("value")))
    finally:
        judge.close()


@settings(deadline=None, max_examples=25)
@given(
    ends=st.sets(st.integers(1, RECORDS - 1), max_size=5),
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=3).filter(any),
)
def test_no_piece_lies_across_an_end_and_the_verdicts_are_those_of_one_poll(
    lake: Audited, tmp_path_factory: pytest.TempPathFactory, ends: set[int], sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    with rejudging(lake, source_of(lake, tuple(sizes)), folder / "ids") as again:
        pieces = list(again.judged(0, [*sorted(ends), RECORDS]))
    whole = at_once(lake, folder / "once")
    assert (rows(pieces), dead(pieces)) == (rows([whole]), dead([whole]))
    assert sum(piece.duplicate for piece in pieces) == whole.duplicate > 0
    assert all(one.end == two.start for one, two in pairwise(pieces))
    assert (pieces[0].start, pieces[-1].end, again.ended_at) == (0, RECORDS, None)
    assert not [end for end in ends for piece in pieces if piece.start < end < piece.end]


def test_judging_that_starts_in_the_middle_knows_the_watermark_and_the_ids_of_that_place(
    lake: Audited, tmp_path: Path
) -> None:
    repeated = 38  # has the id of the record before it
    with rejudging(lake, source_of(lake), tmp_path / "all") as again:
        pieces = list(again.judged(0, [repeated, RECORDS]))
    before, after = ([piece for piece in pieces if (piece.start < repeated) is first] for first in (True, False))
    with LakeReader(lake.lake) as reader:
        seen = before[-1].max_event_time
        with rejudging(lake, source_of(lake), tmp_path / "half", (repeated, seen)) as again:
            again.remember(reader.snapshot(), repeated)
            found = list(again.judged(repeated, [RECORDS]))
    assert rows(found) == rows(after)
    assert sum(piece.duplicate for piece in found) == sum(piece.duplicate for piece in after) == 1


def test_ids_at_and_after_the_place_are_not_remembered(lake: Audited, tmp_path: Path) -> None:
    with LakeReader(lake.lake) as reader:
        first = next(iter(rows([at_once(lake, tmp_path / "once")])))
        with rejudging(lake, source_of(lake), tmp_path / "ids", (first["offset"], first["time"])) as again:
            again.remember(reader.snapshot(), first["offset"])
            pieces = list(again.judged(first["offset"], [first["offset"] + 1]))
    assert [row["offset"] for row in rows(pieces)] == [first["offset"]]


def test_a_source_that_has_nothing_yet_is_waited_for_once_a_poll_and_not_after_its_end(
    lake: Audited, tmp_path: Path
) -> None:
    waits: list[int] = []
    with rejudging(lake, source_of(lake, (0, 0, 20)), tmp_path / "ids", wait=lambda: waits.append(1)) as again:
        assert len(list(again.judged(0, [RECORDS]))) == 3
    assert len(waits) == 6


class Short(MemorySource):
    def end_offsets(self) -> dict[str, int]:
        return {"left": 45}


def test_a_source_that_ends_before_says_where_and_is_not_waited_for(lake: Audited, tmp_path: Path) -> None:
    def never() -> None:
        raise AssertionError("waited for what never comes")

    with rejudging(lake, Short(read_folder(lake.input), (10,)), tmp_path / "ids", wait=never) as again:
        assert (again.reaches(45), again.reaches(46)) == (True, False)
        pieces = list(again.judged(0, [30, RECORDS]))
    assert (pieces[-1].end, again.ended_at) == (45, 45)


def test_nothing_is_opened_for_no_offsets(lake: Audited, tmp_path: Path) -> None:
    with rejudging(lake, MemorySource({}, (1,)), tmp_path / "ids") as again:
        assert list(again.judged(0, [])) == []


def test_the_reader_is_closed_where_judging_is_given_up(
    lake: Audited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(MemoryReader, "close", lambda _: closed.append(True))
    with rejudging(lake, source_of(lake), tmp_path / "ids") as again:
        pieces = again.judged(0, [RECORDS])
        next(pieces)
        assert closed == []
        pieces.close()
    assert closed == [True]
