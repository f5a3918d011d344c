"""How many losses are told."""

import pytest

from dataflow.losses.loss import DeadLetter, LateEvent, dead_loss, is_much, late_loss, time_loss
from tests.dataflow.losses.events import AT_S, MILLIS

LETTER = DeadLetter("ads", "ads/0", 17, b"\x00\x00\x00\x00\x2a\x10", "cannot be read")


@pytest.mark.parametrize(("lost", "read", "much"), [(0, 0, False), (1, 10, False), (101, 1_000, True), (1, 1, True)])
def test_more_than_a_tenth_is_much(lost: int, read: int, much: bool) -> None:
    assert is_much(lost, read) is much


def test_dead_letters_are_told_with_count_reason_example_cause_and_fix() -> None:
    loss = dead_loss((511_767, 511_767), "records of this run", ("malformed", None), 511_767, LETTER, MILLIS)
    assert loss.said == "511,767 of 511,767 records of this run are dead letters, all of them malformed"
    assert loss.like.startswith(
        r"like offset 17 of ads/0: \x00\x00\x00\x00*\x10. Likely: the records are framed by a schema"
    )
    facts = loss.facts()
    assert (facts["dead"], facts["of"], facts["topic"], facts["offset"]) == (511_767, 511_767, "ads", 17)
    assert "field" not in facts
    part = dead_loss((30, 100), "records", ("wrong_type", "ad_id"), 20, LETTER, MILLIS)
    assert part.said == "30 of 100 records are dead letters, 20 of them wrong_type at ad_id"


def test_a_dead_letter_without_a_known_cause_is_told_by_its_own_message() -> None:
    loss = dead_loss((3, 9), "records", ("wrong_type", "ad_id"), 3, LETTER, MILLIS)
    assert loss.cause.what == "cannot be read"
    assert "tidemill query" in loss.cause.fix
    tombstone = DeadLetter(None, "a", 0, None, "the record has no value")
    assert dead_loss((3, 9), "records", ("tombstone", None), 3, tombstone, MILLIS).example == "the record has no value"


def test_late_events_and_those_of_another_unit_are_told_by_their_times() -> None:
    late = late_loss((3, 9), "records", LateEvent(None, "a", 5, AT_S * 1_000, AT_S * 1_000 + 9_000, 4_000), MILLIS)
    assert late.said == "3 of 9 records are late for every rollup that takes them"
    assert late.example == "an event of 2026-01-01 00:00:00, 4 s too late, after one of 2026-01-01 00:00:09"
    found = time_loss((9, 9), "records", LateEvent(None, "a", 5, AT_S, None, 0), MILLIS)
    assert found is not None
    assert "at: EventTimeSeconds" in found.cause.fix
    assert time_loss((9, 9), "records", LateEvent(None, "a", 5, AT_S * 1_000, None, 0), MILLIS) is None
