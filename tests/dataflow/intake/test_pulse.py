"""Signs of life: what runs, for how long, and where the source partitions are."""

import threading

from dataflow.intake.pulse import Place, Pulse


class Clock:
    """Moved by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_what_runs_for_the_longest_time_is_named_with_its_seconds() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    assert pulse.busy() is None
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with pulse.inside("the lake"):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert entered.wait(10)
    clock.seconds = 3.0
    with pulse.inside("reading ads/0"):
        clock.seconds = 5.0
        assert pulse.busy() == ("the lake", 5.0)
        leave.set()
        thread.join(10)
        assert pulse.busy() == ("reading ads/0", 2.0)
    assert pulse.busy() is None


def test_what_fails_does_not_run_any_more() -> None:
    pulse = Pulse(Clock())
    try:
        with pulse.inside("the lake"):
            raise OSError
    except OSError:
        pass
    assert pulse.busy() is None


def test_an_opened_partition_is_a_sign_of_life_and_a_published_epoch_is_remembered() -> None:
    pulse = Pulse(Clock())
    pulse.opened("ads/0", lambda: (7, None))
    pulse.beat(12)
    pulse.beat()
    assert (pulse.beats, pulse.epoch) == (3, 12)
    assert pulse.places() == [Place("ads/0", 7, None)]


def test_a_closed_partition_is_not_asked_again_even_by_a_watch_that_is_asking() -> None:
    pulse = Pulse(Clock())
    asking, answer, closed = threading.Event(), threading.Event(), threading.Event()

    def place() -> tuple[int, int | None]:
        asking.set()
        answer.wait(10)
        assert not closed.is_set(), "asked after it was closed"
        return 1, 2

    def close() -> None:
        pulse.closed("ads/0")
        closed.set()

    pulse.opened("ads/0", place)
    found: list[list[Place]] = []
    watch = threading.Thread(target=lambda: found.append(pulse.places()))
    watch.start()
    assert asking.wait(10)
    closing = threading.Thread(target=close)
    closing.start()
    assert not closed.wait(0.1)
    answer.set()
    watch.join(10)
    closing.join(10)
    assert found == [[Place("ads/0", 1, 2)]]
    assert pulse.places() == []
