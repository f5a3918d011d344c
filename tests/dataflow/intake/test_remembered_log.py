"""The log of event ids: what was in a snapshot comes back exactly, and nothing else."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.errors import RecoveryError
from dataflow.intake.remembered import DedupMemory
from dataflow.intake.remembered_log import KEPT_SNAPSHOTS, DedupLog, LogState
from dataflow.messages import NEVER_MS

HORIZON = 50

Open = Callable[..., DedupLog]


def records(log: DedupLog) -> list[tuple[int, int, int]]:
    return [row for columns in log.read() for row in zip(*(column.tolist() for column in columns), strict=True)]


@pytest.fixture
def opened() -> Iterator[Open]:
    """`DedupLog.open`; closes every log at the end."""
    with ExitStack() as stack:

        def open_log(folder: Path, state: LogState, **options: int) -> DedupLog:
            log = DedupLog.open(folder, state, HORIZON, **options)
            stack.callback(log.close)
            return log

        yield open_log


def append(log: DedupLog, ids: list[int], times: list[int]) -> None:
    lanes = np.array(ids, np.uint64)
    log.append(lanes, ~lanes, np.array(times, np.int64))


def test_what_was_appended_after_the_snapshot_is_cut_off(tmp_path: Path, opened: Open) -> None:
    log = opened(tmp_path, [])
    append(log, [1, 2], [10, 11])
    state = pickle.loads(pickle.dumps(log.snapshot(NEVER_MS)))
    before = records(log)
    append(log, [3], [12])
    log.snapshot(NEVER_MS)
    log.close()
    assert [row[0] for row in before] == [1, 2]
    again = opened(tmp_path, state)
    assert records(again) == before
    append(again, [4], [13])
    assert [row[0] for row in records(opened(tmp_path, again.snapshot(NEVER_MS)))] == [1, 2, 4]


def test_a_log_that_is_rewritten_holds_those_ids_alone_and_can_still_be_opened_as_it_was(
    tmp_path: Path, opened: Open
) -> None:
    log = opened(tmp_path, [], segment_bytes=24)
    append(log, [1, 2, 3], [10, 20, 30])
    before = log.snapshot(NEVER_MS)
    lanes = np.array([2, 3], np.uint64)
    log.rewrite(9 * HORIZON, lanes, ~lanes, np.array([20, 30]))
    append(log, [4], [40])
    after = log.snapshot(NEVER_MS)
    # killed before that was durable: the folder goes back to the state before
    log.close()
    assert [row[0] for row in records(opened(tmp_path, after))] == [2, 3, 4]
    log = opened(tmp_path, [], segment_bytes=24)
    append(log, [1, 2, 3], [10, 20, 30])
    before = log.snapshot(NEVER_MS)
    log.rewrite(9 * HORIZON, lanes, ~lanes, np.array([20, 30]))
    log.close()
    assert [row[0] for row in records(opened(tmp_path, before))] == [1, 2, 3]


def test_segments_the_state_does_not_list_are_deleted(tmp_path: Path, opened: Open) -> None:
    log = opened(tmp_path, [], segment_bytes=24)
    append(log, [1], [10])
    state = log.snapshot(NEVER_MS)
    append(log, [2], [10])
    log.snapshot(NEVER_MS)
    opened(tmp_path, state)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name for name, _ in state]


def test_an_expired_segment_stays_for_the_snapshots_a_resume_may_go_back_to(tmp_path: Path, opened: Open) -> None:
    log = opened(tmp_path, [], segment_bytes=24)
    append(log, [1], [10])
    append(log, [2], [500])
    states = [log.snapshot(10 + HORIZON - 1)]
    assert len(states[0]) == 2
    states += [log.snapshot(10 + HORIZON) for _ in range(KEPT_SNAPSHOTS)]
    assert [len(state) for state in states[1:]] == [1] * KEPT_SNAPSHOTS
    assert len(list(tmp_path.iterdir())) == 2
    log.snapshot(10 + HORIZON)
    assert len(list(tmp_path.iterdir())) == 1
    assert len(log.snapshot(500 + HORIZON)) == 0
    append(log, [3], [600])
    assert [row[0] for row in records(opened(tmp_path, log.snapshot(600)))] == [3]


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_a_folder_that_lacks_what_the_state_says_is_refused(tmp_path: Path, opened: Open, damage: str) -> None:
    log = opened(tmp_path, [])
    append(log, [1, 2], [10, 11])
    state = log.snapshot(NEVER_MS)
    path = tmp_path / state[0][0]
    path.unlink() if damage == "missing" else path.write_bytes(path.read_bytes()[:24])
    with pytest.raises(RecoveryError, match="recover --from-lake"):
        opened(tmp_path, state)


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path, opened: Open) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecoveryError, match="permissions"):
        opened(tmp_path / "file" / "ids", [])


def test_a_full_disk_is_said_to_be_full(tmp_path: Path, opened: Open) -> None:
    log = opened(tmp_path, [])
    for number in range(3):
        (tmp_path / f"{number:012d}.ids").symlink_to("/dev/full")
    with pytest.raises(RecoveryError, match="the disk is full"):
        append(log, [1], [10])


class Run:
    """A memory and its log, as the judge joins them."""

    def __init__(self, folder: Path, state: LogState) -> None:
        self.memory = DedupMemory(HORIZON)
        self.log = DedupLog.open(folder, state, HORIZON, segment_bytes=72)
        for columns in self.log.read():
            self.memory.remember(*columns)

    def judge(self, ids: list[int], times: list[int], watermarks: list[int]) -> list[bool]:
        lanes, time = np.array(ids, np.uint64), np.array(times, np.int64)
        first = self.memory.judge(lanes, ~lanes, time, np.array(watermarks, np.int64))
        self.log.append(lanes[first], ~lanes[first], time[first])
        return first.tolist()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_restart_from_any_recent_snapshot_continues_as_if_nothing_had_happened(data: st.DataObject) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other, ExitStack() as stack:

        def run(folder: str, state: LogState) -> Run:
            started = Run(Path(folder), state)
            stack.callback(started.log.close)
            return started

        steady, broken = run(one, []), run(other, [])
        snapshots: list[tuple[int, LogState]] = [(0, [])]
        batches = data.draw(
            st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 25)), min_size=1, max_size=6), max_size=12)
        )
        rows = [
            ([i for i, _ in batch], [t + 12 * n for _, t in batch], [12 * n - 5] * len(batch))
            for n, batch in enumerate(batches)
        ]
        expected = [steady.judge(*each) for each in rows]
        at = 0
        for _ in range(3 * len(rows)):
            if at == len(rows):
                break
            assert broken.judge(*rows[at]) == expected[at]
            at += 1
            if data.draw(st.booleans()):
                snapshots.append((at, broken.log.snapshot(12 * (at - 1) - 5)))
            if data.draw(st.integers(0, 4)) == 0:
                broken.log.close()
                at, state = data.draw(st.sampled_from(snapshots[-3:]))
                broken = run(other, state)
                # The recovery store never resumes before the point it has resumed from.
                snapshots = [(at, state)]
        if at == len(rows) and rows:
            watermark = rows[-1][2][0]
            for mine, theirs in zip(
                steady.memory.remembered(watermark), broken.memory.remembered(watermark), strict=True
            ):
                assert mine.tolist() == theirs.tolist()
