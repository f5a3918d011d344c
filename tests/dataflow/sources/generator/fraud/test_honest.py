"""Honest people: many impressions, some clicks, few conversions, and now and then what looks like fraud."""

from collections import Counter

from dataflow.sources.generator.fraud.event import USERS
from dataflow.sources.generator.fraud.honest import honest

ACTS = list(honest(4, 1_000_000, 60, 20.0))


def test_there_are_about_as_many_events_as_the_rate_says() -> None:
    assert 0.9 < len(ACTS) / (20 * 3_600) < 1.1
    assert all(1_000_000 <= act.at_ms < 1_000_000 + 3_600_000 for act in ACTS)


def test_most_events_are_impressions_and_few_are_conversions() -> None:
    kinds = Counter(act.event_type for act in ACTS)
    assert kinds["impression"] > 8 * kinds["click"] > 16 * kinds["conversion"] > 0


def test_honest_people_have_no_label_and_the_lower_half_of_the_numbers() -> None:
    assert {(act.kind, act.scheme) for act in ACTS} == {(None, None)}
    assert max(act.user for act in ACTS) < USERS // 2


def test_some_honest_clicks_look_odd() -> None:
    shown = {(act.user, act.ad, act.at_ms) for act in ACTS if act.event_type == "impression"}
    clicks = [act for act in ACTS if act.event_type == "click"]
    quick = [act for act in clicks for gap in range(30, 300) if (act.user, act.ad, act.at_ms - gap) in shown]
    clicked = {(act.user, act.ad) for act in clicks}
    lone = [act for act in ACTS if act.event_type == "conversion" and (act.user, act.ad) not in clicked]
    assert quick
    assert lone
