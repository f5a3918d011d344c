"""What is told before the commit is what the commit raises, and the commit is as if nobody had looked."""

from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataflow.alerts.early_judge import EarlyJudge
from dataflow.alerts.epoch_sums import EpochSums
from dataflow.alerts.judge import RuleJudge
from dataflow.messages import NEVER_MS
from dataflow.pipeline.alert_plan import AlertPlan
from tests.dataflow.alerts.rules import Memory, ads, clicks, delta, visits

Rows = tuple[pa.Table, dict[str, pa.Table]]


class Epochs:
    """A judge with one that looks ahead, and beside them a judge for which nobody does."""

    def __init__(self, rule: AlertPlan) -> None:
        self.memory = Memory(rule)
        self.judge = RuleJudge(rule, self.memory)
        self.early = EarlyJudge(self.judge)
        self.plain = RuleJudge(rule, self.memory)

    def look(self, rows: Rows, over_ms: int = NEVER_MS) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self.early.raised(*rows, over_ms=over_ms).to_pylist()
        return told

    def commit(self, parts: list[Rows], over_ms: int = NEVER_MS) -> list[dict[str, Any]]:
        rows = pa.concat_tables([part for part, _ in parts])
        sides = {name: pa.concat_tables([side[name] for _, side in parts]) for name in parts[0][1]}
        changes = self.judge.changes(rows, sides, over_ms=over_ms)
        assert changes.equals(self.plain.changes(rows, sides, over_ms=over_ms)), "nobody looked"
        self.early.forget()
        self.memory.keep(rows, sides, changes)
        found: list[dict[str, Any]] = changes.to_pylist()
        return found


def rows(*lines: tuple[str | None, int, int, int]) -> Rows:
    return delta(*lines), {}


def told(changes: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(each["key"], each["change"], each["state"]) for each in changes]


U = '{"user": "u", "ad": 1}'


def test_an_alert_is_told_with_the_row_that_makes_it_true_and_once_an_epoch() -> None:
    epochs = Epochs(clicks())
    parts = [rows(("u", 1, 0, 2)), rows(("u", 1, 0, 1)), rows(("u", 1, 0, 1))]
    looked = [epochs.look(part) for part in parts]
    assert [told(each) for each in looked] == [[], [(U, 1, "raised")], []]
    (raised,) = epochs.commit(parts)
    assert {**looked[1][0], "values": "", "message": ""} == {**raised, "values": "", "message": ""}
    assert looked[1][0]["message"] == "u clicked 1 3 times from 1970-01-01 00:00:00"
    # it stands: there is nothing more to tell
    assert epochs.look(parts[0]) == []


def test_rows_of_the_epoch_join_what_was_committed_before() -> None:
    epochs = Epochs(clicks())
    first = rows(("u", 1, 0, 2))
    assert epochs.look(first) == []
    assert epochs.commit([first]) == []
    epochs.judge.forget_all()
    assert told(epochs.look(rows(("u", 1, 0, 1)))) == [(U, 1, "raised")]


def test_what_is_untrue_again_by_the_commit_was_told_for_nothing_and_is_told_again() -> None:
    epochs = Epochs(clicks("clicks = 2 OR clicks = 5"))
    parts = [rows(("u", 1, 0, 2)), rows(("u", 1, 0, 1))]
    assert [told(epochs.look(part)) for part in parts] == [[(U, 1, "raised")], []]
    assert epochs.commit(parts) == []
    again = rows(("u", 1, 0, 2))
    assert told(epochs.look(again)) == [(U, 1, "raised")]
    assert told(epochs.commit([again])) == [(U, 1, "raised")]


def test_an_alert_that_was_retracted_is_told_with_its_next_number_and_a_retraction_never() -> None:
    epochs = Epochs(clicks("clicks = 1 OR clicks = 3"))
    for expected in ([(U, 1, "raised")], [], [(U, 3, "raised")]):
        part = rows(("u", 1, 0, 1))
        assert told(epochs.look(part)) == expected
        epochs.commit([part])


def test_distinct_values_count_once_whether_in_the_epoch_or_before() -> None:
    epochs = Epochs(ads(2))
    first = visits(("u", 0, 1))
    assert epochs.look(first) == []
    epochs.commit([first])
    parts = [visits(("u", 0, 1)), visits(("u", 0, 2)), visits(("u", 0, 2)), visits(("u", 0, 3)), visits(("u", 0, 4))]
    assert [len(epochs.look(part)) for part in parts] == [0, 0, 0, 1, 0]
    assert len(epochs.commit(parts)) == 1


def test_windows_that_have_left_are_not_told() -> None:
    epochs = Epochs(clicks())
    assert len(epochs.look(rows(("u", 1, 0, 9), ("u", 1, 1, 9)), over_ms=10_000)) == 1
    assert epochs.look(rows(("u", 1, 0, 9)), over_ms=20_000) == []


LINES = st.tuples(st.sampled_from(["u", "v", None]), st.integers(1, 2), st.integers(0, 2), st.integers(0, 3))
VISITS = st.tuples(st.sampled_from(["u", "v", None]), st.integers(0, 1), st.integers(1, 5))
HAVINGS = [
    "clicks > 2",
    "clicks IN (1, 3, 5)",
    "spend >= 1 AND clicks < 7",
    "mean < 0.3",
    "ad = 1 AND clicks IN (2, 5)",
]


def check(epochs: Epochs, parts: list[Rows], *, forgets: bool) -> None:
    """One epoch: what was told, what the commit raises, and how they belong together."""
    if forgets:
        epochs.judge.forget_all()
    early = [each for part in parts for each in epochs.look(part)]
    ids = [(each["alert_id"], each["change"]) for each in early]
    assert len(set(ids)) == len(ids)
    assert all(each["state"] == "raised" for each in early)
    raised = {(each["alert_id"], each["change"]) for each in epochs.commit(parts) if each["state"] == "raised"}
    # an alert that stands at the commit stood with the last row of its window: nothing is raised that was not told
    assert raised <= set(ids)
    standing = {row["alert_id"] for row in _newest(epochs) if row["state"] == "raised"}
    # and what was told and still stands has been raised just so
    assert {each for each in ids if each[0] in standing} == raised


def _newest(epochs: Epochs) -> list[dict[str, Any]]:
    newest: dict[str, dict[str, Any]] = {}
    for changes in epochs.memory.changes:
        for row in changes.to_pylist():
            newest[row["alert_id"]] = row
    return list(newest.values())


@given(
    st.booleans(),
    st.sampled_from(HAVINGS),
    st.lists(st.tuples(st.booleans(), st.lists(st.lists(LINES, min_size=1, max_size=5), min_size=1)), max_size=6),
)
def test_all_that_a_commit_raises_was_told_by_the_same_id_and_number(
    adds_up: bool, having: str, played: list[Any]
) -> None:
    # both ways to join rows tell the same: that of counts and sums alone, and that of all aggregates
    with nullcontext() if adds_up else patch.object(EpochSums, "fits", return_value=False):
        epochs = Epochs(clicks(having))
        for forgets, parts in played:
            check(epochs, [rows(*part) for part in parts], forgets=forgets)


@given(
    st.integers(0, 4),
    st.lists(st.tuples(st.booleans(), st.lists(st.lists(VISITS, min_size=1, max_size=5), min_size=1)), max_size=6),
)
def test_of_distinct_counts_as_well(more_than: int, played: list[Any]) -> None:
    epochs = Epochs(ads(more_than))
    for forgets, parts in played:
        check(epochs, [visits(*part) for part in parts], forgets=forgets)
