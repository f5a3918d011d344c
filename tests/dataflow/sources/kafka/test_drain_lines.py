"""What is poured into lines comes out of them, partition by partition, through full lots and new ones."""

import ctypes
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.sources.kafka.drain_layout import (
    LINE_BYTE_ROOM,
    LINE_BYTES,
    LINE_DATA,
    LINE_ENDS,
    LINE_HELD,
    LINE_NEXT,
    LINE_OFFSETS,
    LINE_ROW_ROOM,
    LINE_ROWS,
    LINE_STAMPS,
    NOBODY,
    ROW_BYTES,
)
from dataflow.sources.kafka.drain_lines import Line, Lines

MOST_ROWS = 70
"""Above what a lot has room for at first."""


def put(lines: Lines, line: Line, offset: int, value: bytes) -> None:
    """As compiled code does."""
    while True:
        row = lines.table[line.at]
        at = int(row[LINE_BYTES])
        if row[LINE_ROWS] < row[LINE_ROW_ROOM] and at + len(value) <= row[LINE_BYTE_ROOM]:
            break
        lines.widen(line, len(value), MOST_ROWS)
    rows = int(row[LINE_ROWS])
    ctypes.c_int64.from_address(int(row[LINE_OFFSETS]) + 8 * rows).value = offset
    ctypes.c_int64.from_address(int(row[LINE_STAMPS]) + 8 * rows).value = offset + 1
    ctypes.c_int32.from_address(int(row[LINE_ENDS]) + 4 * (rows + 1)).value = at + len(value)
    ctypes.memmove(int(row[LINE_DATA]) + at, value, len(value))
    row[LINE_HELD] += len(value) + ROW_BYTES
    row[LINE_ROWS], row[LINE_BYTES], row[LINE_NEXT] = rows + 1, at + len(value), offset + 1


@dataclass(frozen=True)
class Step:
    """Some records for a partition, or a look at how many it has."""

    part: int
    values: list[bytes]
    takes: bool
    max_rows: int


steps_of = st.lists(
    st.builds(
        Step,
        st.integers(0, 2),
        st.lists(st.binary(max_size=400), max_size=90),
        st.booleans(),
        st.sampled_from([1, 13, MOST_ROWS]),
    ),
    max_size=20,
)


@settings(max_examples=50)
@given(steps_of)
def test_each_partition_gets_its_own_in_order(steps: list[Step]) -> None:
    lines = Lines()
    made = [lines.add(0, 0) for _ in range(3)]
    came: list[list[bytes]] = [[], [], []]
    gone: list[list[bytes]] = [[], [], []]
    for step in [*steps, *[Step(part, [], True, MOST_ROWS) for part in range(3)] * 30]:
        line = made[step.part]
        for value in step.values:
            put(lines, line, len(came[step.part]), value)
            came[step.part].append(value)
        if step.takes and (cut := lines.cut(line, step.max_rows, 1 << 20)) is not None:
            first = len(gone[step.part])
            gone[step.part] += cut.values.to_pylist()
            assert cut.offsets.tolist() == list(range(first, len(gone[step.part])))
            assert len(cut.offsets) <= step.max_rows
        left = came[step.part][len(gone[step.part]) :]
        assert lines.rows(line) == len(left)
        held = lines.held(line)
        assert held.size_bytes == sum(map(len, left)) + ROW_BYTES * len(left)
        assert held.next_offset == len(came[step.part])
    while any(lines.rows(line) for line in made):
        for part, line in enumerate(made):
            if (cut := lines.cut(line, MOST_ROWS, 1 << 20)) is not None:
                gone[part] += cut.values.to_pylist()
    assert gone == came
    assert all(lines.cut(line, 1, 1) is None for line in made)


def test_what_names_a_partition_is_learnt_anew_when_partitions_come_or_go() -> None:
    lines = Lines()
    first = lines.add(0, 0)
    assert lines.known(1_000, 0) is None
    lines.learn(first, 1_000, 0)
    assert lines.known(1_000, 0) is first
    second = lines.add(0, 7)
    assert lines.known(1_000, 0) is None, "the address of a topic may be another's by now"
    assert lines.held(second).next_offset == 7
    lines.learn(second, 1_000, 0)
    lines.learn(None, 1_000, 3)
    assert lines.table[lines.used - 1, LINE_ROW_ROOM] == NOBODY
    rows = lines.used
    lines.remove(first)
    assert lines.known(1_000, 0) is None
    assert all(lines.add(0, 0) is not None for _ in range(2))
    assert lines.used == rows, "rows are used again"


def test_many_partitions_have_their_rows() -> None:
    lines = Lines()
    made = [lines.add(0, number) for number in range(50)]
    for number, line in enumerate(made):
        put(lines, line, number, b"%d" % number)
    for number, line in enumerate(made):
        cut = lines.cut(line, 10, 10)
        assert cut is not None
        assert (cut.offsets.tolist(), cut.values.to_pylist()) == ([number], [b"%d" % number])
    assert not np.any(lines.table[:50, LINE_ROWS])
