"""The watch over the compactor, with a clock and processes made by hand."""

import pytest

from runtime.compaction_watch import HANGING_LEAST_S, CompactionWatch, Trouble


class FakeChild:
    """A process as told."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.out: list[str] = []
        self.err: list[str] = []
        self.asked = self.killed = self.closed = 0
        self.mortal = True

    def ended(self) -> int | None:
        return self.code

    def told(self) -> list[str]:
        out, self.out = self.out, []
        return out

    def said(self) -> list[str]:
        err, self.err = self.err, []
        return err

    def ask_where(self) -> None:
        self.asked += 1
        self.err.append('  File "compact.py", line 1 in read')

    def kill(self) -> None:
        self.killed += 1
        if self.mortal:
            self.code = -9

    def close(self) -> None:
        self.closed += 1


class Scene:
    """A watch, its clock, its children in order, and what it reported."""

    def __init__(self, every_s: float = 30.0) -> None:
        self.now_s = 1_000.0
        self.children: list[FakeChild] = []
        self.unstartable: OSError | None = None
        self.troubles: list[Trouble] = []
        self.restarts = 0
        self.well: list[int] = []
        self.left: list[list[str]] = []
        self.watch = CompactionWatch(self.start, every_s, self, lambda: self.now_s)

    def start(self) -> FakeChild:
        if self.unstartable is not None:
            raise self.unstartable
        self.children.append(FakeChild())
        return self.children[-1]

    def trouble(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)

    def restarted(self) -> None:
        self.restarts += 1

    def well_again(self, failures: int) -> None:
        self.well.append(failures)

    def left_alone(self, lines: list[str]) -> None:
        self.left.append(lines)

    @property
    def child(self) -> FakeChild:
        return self.children[-1]

    def after(self, seconds: float) -> None:
        self.now_s += seconds
        self.watch.look()

    def begin(self) -> None:
        self.after(30)

    def round(self, *err: str) -> None:
        self.child.out.append("merged")
        self.child.err += err
        self.watch.look()

    def end(self, code: int, *err: str) -> None:
        self.child.code = code
        self.child.err += err
        self.watch.look()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_first_one_starts_when_the_first_compaction_is_due_and_is_no_restart(scene: Scene) -> None:
    scene.after(29.9)
    assert scene.children == []
    scene.after(0.1)
    assert (len(scene.children), scene.restarts) == (1, 0)


def test_one_that_ends_is_told_with_its_last_words_and_started_again(scene: Scene) -> None:
    scene.begin()
    scene.end(1, "Traceback (most recent call last):", "  File ...", "MemoryError: 12 GiB", "")
    assert scene.troubles == [
        Trouble(
            "the compactor ended with exit code 1: MemoryError: 12 GiB",
            ("Traceback (most recent call last):", "  File ...", "MemoryError: 12 GiB", ""),
            1,
            1.0,
        )
    ]
    assert scene.child.closed == 1
    scene.after(0.9)
    assert len(scene.children) == 1
    scene.after(0.1)
    assert (len(scene.children), scene.restarts) == (2, 1)


@pytest.mark.parametrize(("code", "words"), [(-9, "was killed by SIGKILL"), (0, "ended with exit code 0")])
def test_a_signal_and_an_end_without_a_reason_are_told_as_well(scene: Scene, code: int, words: str) -> None:
    scene.begin()
    scene.end(code)
    assert words in scene.troubles[0].reason
    assert scene.troubles[0].said == ()


def test_the_pause_doubles_up_to_a_minute_and_falls_back_after_a_round(scene: Scene) -> None:
    scene.begin()
    for _ in range(9):
        scene.end(5, "error: busy")
        again = scene.troubles[-1].again_in_s
        assert again is not None
        scene.after(again)
    assert [trouble.again_in_s for trouble in scene.troubles] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [trouble.in_a_row for trouble in scene.troubles] == list(range(1, 10))
    assert (scene.restarts, scene.well) == (9, [])
    scene.round()
    scene.round()
    assert scene.well == [9]
    scene.end(5, "error: busy")
    assert (scene.troubles[-1].again_in_s, scene.troubles[-1].in_a_row) == (1, 1)


def test_what_is_said_right_after_a_round_is_why_it_ended(scene: Scene) -> None:
    scene.begin()
    scene.child.out.append("merged")
    scene.end(1, "ValueError: odd")
    assert scene.troubles[0].reason == "the compactor ended with exit code 1: ValueError: odd"
    assert scene.left == []


def test_what_a_former_round_said_is_no_reason_for_a_later_end(scene: Scene) -> None:
    scene.begin()
    scene.round("left alone: a.parquet is damaged")
    scene.end(-9)
    assert scene.troubles[0].said == ()


def test_files_that_are_left_alone_are_told_once_until_that_changes(scene: Scene) -> None:
    scene.begin()
    for said in ("left alone: a", "left alone: a", "left alone: b", None, "left alone: b"):
        scene.round(*filter(None, [said]))
    assert scene.left == [["left alone: a"], ["left alone: b"], ["left alone: b"]]
    assert scene.troubles == []


def test_one_that_cannot_be_started_is_tried_again(scene: Scene) -> None:
    scene.unstartable = OSError(12, "Cannot allocate memory")
    scene.begin()
    scene.after(1)
    assert [trouble.in_a_row for trouble in scene.troubles] == [1, 2]
    assert "could not be started: [Errno 12] Cannot allocate memory" in scene.troubles[0].reason
    scene.unstartable = None
    scene.after(2)
    assert len(scene.children) == 1
    scene.round()
    assert scene.well == [2]


def test_one_that_finishes_no_round_for_ten_periods_is_asked_where_it_stands_then_killed_and_told(scene: Scene) -> None:
    scene.begin()
    scene.after(200)
    scene.round()
    scene.after(HANGING_LEAST_S)
    assert scene.child.asked == 0
    scene.after(1)
    assert (scene.child.asked, scene.child.killed) == (1, 0)
    scene.after(1)
    assert scene.child.killed == 0
    scene.after(1)
    assert (scene.child.asked, scene.child.killed, scene.troubles) == (1, 1, [])
    scene.after(0.5)
    assert scene.troubles[0].reason == "the compactor finished no round within 300 s and was killed"
    assert scene.troubles[0].said == ('  File "compact.py", line 1 in read',)
    scene.after(1)
    assert len(scene.children) == 2


def test_periods_count_where_they_are_long() -> None:
    scene = Scene(every_s=3_600)
    scene.after(3_600)
    scene.after(36_000)
    assert scene.child.asked == 0
    scene.after(1)
    assert scene.child.asked == 1


def test_each_hang_doubles_the_patience_so_that_a_long_round_ends_some_day(scene: Scene) -> None:
    scene.begin()
    for patience in (300, 600, 1_200):
        scene.after(patience)
        assert scene.child.asked == 0
        scene.after(1)
        assert scene.child.asked == 1
        scene.after(2)
        scene.after(1)
        scene.after(60)
    scene.round()
    scene.after(301)
    assert scene.child.asked == 1


def test_a_round_that_ends_while_it_is_asked_saves_it(scene: Scene) -> None:
    scene.begin()
    scene.after(301)
    assert scene.child.asked == 1
    scene.round()
    scene.after(5)
    assert (scene.child.killed, scene.troubles, scene.left) == (0, [], [])


def test_one_that_cannot_be_killed_is_told_once_and_no_second_one_is_started(scene: Scene) -> None:
    scene.begin()
    scene.child.mortal = False
    scene.after(301)
    for _ in range(100):
        scene.after(1)
    assert (len(scene.children), scene.child.killed, len(scene.troubles)) == (1, 1, 1)
    assert "has no effect yet" in scene.troubles[0].reason
    assert scene.troubles[0].again_in_s is None
    scene.child.code = -9
    scene.after(1)
    scene.after(1)
    assert len(scene.children) == 2


def test_the_age_counts_from_the_last_round_that_succeeded(scene: Scene) -> None:
    scene.begin()
    assert scene.watch.age_s() == 30
    scene.round()
    assert scene.watch.age_s() == 0
    scene.end(-9)
    scene.after(7)
    assert scene.watch.age_s() == 7
