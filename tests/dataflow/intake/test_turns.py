"""A pass reads no more than it may, and every source partition has its turn, whatever the others ask for."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dataflow.intake.turns import Turns


def play(turns: Turns, names: list[str], sizes: dict[str, int]) -> list[str]:
    """One pass: who read."""
    read = []
    for name in names:
        if turns.may_read(name):
            read.append(name)
            turns.has_read(sizes[name])
    return read


def test_few_partitions_all_read_in_each_pass() -> None:
    turns, names = Turns(100), list("abcd")
    for _ in range(5):
        assert play(turns, names, dict.fromkeys(names, 25)) == names


def test_those_that_were_refused_come_before_those_that_have_read() -> None:
    turns, names = Turns(100), list("abcdef")
    sizes = dict.fromkeys(names, 50)
    passes = [play(turns, names, sizes) for _ in range(6)]
    assert passes[0] == ["a", "b"]
    assert max(map(len, passes)) == 2
    assert set().union(*passes[1:]) == set(names)


def test_who_leaves_is_waited_for_by_nobody() -> None:
    turns, names = Turns(100), list("abc")
    sizes = dict.fromkeys(names, 100)
    assert play(turns, names, sizes) == ["a"]
    for name in "bc":
        turns.leave(name)
    assert [play(turns, ["a"], sizes) for _ in range(3)] == [["a"]] * 3


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=12),
    st.integers(1, 100),
    st.lists(st.lists(st.integers(0, 11)), max_size=6),
)
def test_a_pass_is_bounded_and_none_is_kept_out(sizes: list[int], most: int, before: list[list[int]]) -> None:
    turns = Turns(most)
    names = [f"p{number:02}" for number in range(len(sizes))]
    of = dict(zip(names, sizes, strict=True))
    for some in before:
        play(turns, [name for at, name in enumerate(names) if at in some], of)
    # a pass begins with whoever was asked first in the one before, which need not be the first in order
    reads: Counter[str] = Counter()
    for _ in range(4 * len(names)):
        read = [*play(turns, names, of), *play(turns, names, of)]
        assert read
        assert sum(of[name] for name in read) <= 3 * (most + max(sizes))
        reads.update(read)
    assert min(reads[name] for name in names) >= 2
    assert max(reads.values()) <= 4 * min(reads.values()) + 4
