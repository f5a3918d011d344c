"""Steps of a long work."""

from dataflow.steps import UNSEEN, each


class Seen:
    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def expect(self, total: int) -> None:
        self.told.append(("expect", total))

    def done(self, count: int) -> None:
        self.told.append(("done", count))


def test_each_thing_is_a_step_that_is_done_when_the_next_is_asked_for() -> None:
    seen = Seen()
    things = each({"a": 1, "b": 2}.items(), seen)
    assert next(things) == ("a", 1)
    assert seen.told == [("expect", 2)]
    assert list(things) == [("b", 2)]
    assert seen.told == [("expect", 2), ("done", 1), ("done", 1)]


def test_steps_need_nobody_who_looks() -> None:
    assert list(each("ab", UNSEEN)) == ["a", "b"]
