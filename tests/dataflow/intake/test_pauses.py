"""Pauses: wall times for Bytewax, and none where the wall clock has moved."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.intake.pauses import Oversleeping, Pauses, in_turn
from tests.chaos.clocks import SHIM, compiler

START = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3]


class Clocks:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.time = START
        self.seconds = 0.0

    def move(self, wall_s: float, monotonic_s: float) -> None:
        self.time += timedelta(seconds=wall_s)
        self.seconds += monotonic_s


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_a_pause_ends_at_a_wall_time_and_no_pause_is_at_once(clocks: Clocks) -> None:
    pauses = Pauses(lambda: clocks.time, lambda: clocks.seconds)
    pauses.until(0)
    clocks.move(0.5, 0.5)
    assert pauses.until(20) == clocks.time + timedelta(milliseconds=20)
    assert pauses.until(0) is None


@pytest.mark.parametrize("jump_s", [3600.0, 0.2, -0.2, -86_400.0])
def test_the_first_pause_after_the_clock_moved_is_none(clocks: Clocks, jump_s: float) -> None:
    pauses = Pauses(lambda: clocks.time, lambda: clocks.seconds)
    pauses.until(20)
    clocks.move(jump_s, 0.01)
    assert pauses.until(20) is None
    clocks.move(0.01, 0.01)
    assert pauses.until(20) == clocks.time + timedelta(milliseconds=20)


def test_the_first_pause_of_all_is_none_as_the_clock_may_have_moved_before_it(clocks: Clocks) -> None:
    assert Pauses(lambda: clocks.time, lambda: clocks.seconds).until(20) is None


def test_no_pause_lasts_beyond_the_end_of_an_epoch_and_what_it_lacks_comes_after(clocks: Clocks) -> None:
    pauses = Pauses(lambda: clocks.time, lambda: clocks.seconds, epoch_ms=100)
    pauses.until(0)
    clocks.move(0.03, 0.03)
    assert pauses.until(50) == clocks.time + timedelta(milliseconds=50)
    clocks.move(0.05, 0.05)
    assert pauses.left_ms() == 0, "it is over"
    assert pauses.until(50) == clocks.time + timedelta(milliseconds=20), "the epoch ends then"
    clocks.move(0.02, 0.02)
    assert pauses.until(50) is None, "Bytewax ends it once it has asked"
    assert pauses.until(50) == clocks.time + timedelta(milliseconds=50), "it did not: its epochs are longer"
    assert pauses.left_ms() == 0
    pauses.epoch_ended()
    clocks.move(0.08, 0.08)
    assert pauses.until(50) == clocks.time + timedelta(milliseconds=20)
    clocks.move(0.02, 0.02)
    assert pauses.until(50) is None
    pauses.epoch_ended()
    clocks.move(0.01, 0.01)
    assert pauses.left_ms() == 40
    assert pauses.until(40) == clocks.time + timedelta(milliseconds=40)
    assert pauses.left_ms() == 0, "nothing of it was cut off"


@given(st.integers(0, 10**6), st.integers(1, 1_000), st.integers(0, 63))
def test_a_pause_in_turn_ends_at_its_own_time_and_is_longer_or_shorter_by_half_at_most(
    now_ms: int, pause_ms: int, place: int
) -> None:
    now_s, pause_s, turn = now_ms / 1000, pause_ms / 1000, place / 64
    found = in_turn(now_s, pause_s, turn)
    assert 0.5 * pause_s - 1e-9 <= found <= 1.5 * pause_s + 1e-9
    assert abs(((now_s + found) / pause_s - turn + 0.5) % 1 - 0.5) < 1e-6
    assert in_turn(now_s + found, pause_s, turn) == pytest.approx(pause_s), "from then on pauses are as long as asked"


def test_a_partition_in_its_turn_is_asked_again_when_the_others_are_not(clocks: Clocks) -> None:
    found = []
    for turn in (0.0, 0.5):
        pauses = Pauses(lambda: clocks.time, lambda: clocks.seconds)
        pauses.until(0)
        found.append(pauses.until(20, turn))
    assert found == [clocks.time + timedelta(milliseconds=20), clocks.time + timedelta(milliseconds=10)]


def test_the_fault_oversleeps_from_its_count_on(clocks: Clocks) -> None:
    pauses = Oversleeping(3, lambda: clocks.time, lambda: clocks.seconds)
    assert [pauses.until(20) for _ in range(4)] == [
        None,
        START + timedelta(milliseconds=20),
        START + timedelta(hours=1),
        START + timedelta(hours=1),
    ]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("polls_before", [0, 3])
def test_a_clock_set_forward_while_a_partition_is_asked_does_not_put_it_to_sleep(
    tmp_path: Path, polls_before: int
) -> None:
    command = compiler()
    if command is None:
        pytest.skip("the changeable clock needs a C compiler (cc)")
    source, library, clock = (tmp_path / name for name in ("clock.c", "clock.so", "clock"))
    source.write_text(SHIM)
    subprocess.run([command, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    clock.write_text("0")
    environ = {**os.environ, "LD_PRELOAD": str(library), "CHAOS_CLOCK": str(clock)}
    # a run that fell asleep would end an hour later
    done = subprocess.run(
        [sys.executable, "-m", "tests.dataflow.intake.clock_child", str(clock), str(polls_before)],
        cwd=ROOT,
        env=environ,
        timeout=60,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().split() == ["10", "3600"]
