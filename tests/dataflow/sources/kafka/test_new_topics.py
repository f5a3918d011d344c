"""The watch over topics that match, with a cluster played by hand."""

import time
from collections.abc import Collection

from dataflow.sources.kafka.new_topics import NewTopics
from dataflow.sources.kafka.topic_choice import TopicChoice


class Cluster:
    def __init__(self, choice: str, known: list[str]) -> None:
        self.topics = list(known)
        self.asked = 0
        self.now = 0.0
        self.silent = False
        self.watch = NewTopics(TopicChoice.read(choice), known, self.names, lambda: self.now, 5.0)

    def names(self) -> Collection[str]:
        self.asked += 1
        if self.silent:
            raise TimeoutError
        return self.topics

    def after(self, seconds: float) -> list[str]:
        """What is found when time has passed and an answer has come."""
        self.now += seconds
        self.watch.look()
        before = time.monotonic()
        while (asked := self.watch._asked) is not None and not asked.done():
            assert time.monotonic() < before + 10
        self.watch.look()
        return self.watch.found


def test_a_topic_that_matches_is_found_and_others_are_not() -> None:
    cluster = Cluster("named,^ads-.*", ["ads-1"])
    assert cluster.after(4.9) == []
    assert cluster.asked == 0
    cluster.topics += ["other", "named"]
    assert cluster.after(0.2) == []
    assert cluster.asked == 1
    cluster.topics.append("ads-2")
    assert cluster.after(5.0) == ["ads-2"]


def test_where_nobody_answers_it_is_asked_again() -> None:
    cluster = Cluster("^ads-.*", ["ads-1"])
    cluster.silent = True
    cluster.topics.append("ads-2")
    assert cluster.after(5.0) == []
    cluster.silent = False
    assert cluster.after(5.0) == ["ads-2"]


def test_without_a_pattern_nothing_is_asked() -> None:
    cluster = Cluster("a,b", ["a"])
    assert cluster.after(100.0) == []
    assert cluster.asked == 0
