"""What was lost is given as lost, and is not read, whatever the source still holds of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataflow.sources.around import open_around
from tests.model.losing import losing
from tests.model.spec import Record
from tests.proof.memory_source import MemorySource, Retained


def read(source: Any, start: int, end: int, lost: list[tuple[int, int]]) -> list[tuple[int, int, int, list[int]]]:
    """(start, end, lost, offsets) of every poll, which follow each other; those that give nothing left out."""
    reader = open_around(source, "t/0", start, None, end, lost)
    found = []
    for _ in range(1_000):
        if reader.finished:
            break
        at = reader.position
        poll = reader.poll(100, 1 << 20)
        if poll is not None:
            assert (poll.start, reader.position) == (at, poll.end)
            found.append((poll.start, poll.end, poll.lost, poll.records.column("offset").to_pylist()))
    assert reader.finished
    reader.close()
    return found


RECORDS = [Record(offset, b"x") for offset in range(30)]
SIZES = st.sampled_from(((100,), (1,), (3, 0, 2)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Record], list[tuple[int, int]], int]:
    offsets = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=25)))
    records = [Record(offset, b"x") for offset in offsets]
    lost = draw(losing({"t/0": records})).get("t/0", [])
    return records, lost, draw(st.integers(0, offsets[-1]))


@given(case=cases(), sizes=SIZES)
def test_every_offset_is_read_or_lost_and_none_is_both(
    case: tuple[list[Record], list[tuple[int, int]], int], sizes: tuple[int, ...]
) -> None:
    records, lost, start = case
    end = max([record.offset + 1 for record in records] + [stop for _, stop in lost])
    polls = read(MemorySource({"t/0": records}, sizes), start, end, lost)
    told = [(first, last) for first, last, count, _ in polls if count]
    assert told == [(max(first, start), last) for first, last in lost if last > start]
    assert all(count in (0, last - first) and not (count and offsets) for first, last, count, offsets in polls)
    gone = {offset for first, last in lost for offset in range(first, last)}
    wanted = [record.offset for record in records if record.offset >= start and record.offset not in gone]
    assert [offset for *_, offsets in polls for offset in offsets] == wanted
    assert polls[-1][1] == end


def test_a_source_that_lacks_all_before_the_end_of_a_gap_is_opened_behind_it() -> None:
    source = Retained(MemorySource({"t/0": RECORDS}, (100,)), 20)
    assert read(source, 10, 30, [(2, 5), (10, 20)]) == [(10, 20, 10, []), (20, 30, 0, list(range(20, 30)))]


class Short(MemorySource):
    """It ends at offset 8, whatever it is asked for."""

    def open(self, partition: str, next_offset: int | None, hint: Any, bounded_end: int | None = None) -> Any:
        return super().open(partition, next_offset, hint, 8)


def test_a_source_that_ends_before_a_gap_ends_the_reading_there() -> None:
    assert read(Short({"t/0": RECORDS}, (100,)), 0, 30, [(2, 4), (20, 30)])[-1][1] == 8


def test_a_gap_at_the_end_is_cut_there() -> None:
    assert read(MemorySource({"t/0": RECORDS}, (100,)), 25, 28, [(26, 30)]) == [(25, 26, 0, [25]), (26, 28, 2, [])]
