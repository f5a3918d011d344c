"""Fraud, kind by kind: what one fraudster does, from his first event to the last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from dataflow.sources.generator.fraud.draws import Draws
from dataflow.sources.generator.fraud.event import ADS, MINUTE_MS, SECOND_MS, USERS, Act

Playing = Callable[[Draws, int], Iterator[Act]]
"""The events of one scheme in so many ms, from 0 on; some may lie beyond."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fraud: its label, what it is in words, how many schemes an hour begin, and what one does."""

    name: str
    text: str
    schemes_an_hour: int
    play: Playing


def click_farm(draws: Draws, length_ms: int) -> Iterator[Act]:
    """A few people are paid for clicks on one ad, and click on it every few seconds for some minutes."""
    ad, begin_ms = draws.whole(0, ADS), draws.whole(0, length_ms)
    for _ in range(draws.whole(3, 7)):
        user, at_ms = _fraudster(draws), begin_ms + draws.whole(0, MINUTE_MS)
        pause_ms = draws.whole(6 * SECOND_MS, 60 * SECOND_MS)
        for _ in range(draws.whole(12, 60)):
            at_ms += draws.skewed(SECOND_MS, pause_ms)
            yield Act(at_ms, "click", user, ad)


def regular_bot(draws: Draws, length_ms: int) -> Iterator[Act]:
    """A program clicks on one ad after the other by a timer: its steps are alike to 10 ms, or to some seconds."""
    user, at_ms = _fraudster(draws), draws.whole(0, length_ms)
    gap_ms, noise_ms = draws.whole(8 * SECOND_MS, 150 * SECOND_MS), draws.skewed(10, 8 * SECOND_MS)
    for _ in range(draws.whole(20 * MINUTE_MS, 60 * MINUTE_MS) // gap_ms):
        ad = draws.skewed(0, ADS)
        yield Act(at_ms + draws.whole(0, noise_ms), "click", user, ad)
        at_ms += gap_ms


def instant_click(draws: Draws, length_ms: int) -> Iterator[Act]:
    """A page clicks on the ads that it shows, before anybody can have seen them."""
    user, at_ms = _fraudster(draws), draws.whole(0, length_ms)
    for _ in range(draws.whole(1, 6)):
        ad = draws.skewed(0, ADS)
        yield Act(at_ms, "impression", user, ad)
        yield Act(at_ms + draws.whole(1, 60), "click", user, ad)
        at_ms += draws.skewed(20 * SECOND_MS, 5 * MINUTE_MS)


def injected_click(draws: Draws, length_ms: int) -> Iterator[Act]:
    """Somebody is about to buy; a program on the phone notices it and clicks first, to be paid for the customer."""
    user, at_ms, ad = _fraudster(draws), draws.whole(0, length_ms), draws.skewed(0, ADS)
    yield Act(at_ms, "click", user, ad)
    yield Act(at_ms + draws.skewed(200, 6_000), "conversion", user, ad)


def lone_conversion(draws: Draws, length_ms: int) -> Iterator[Act]:
    """A conversion is claimed for an ad that its customer has neither seen nor clicked."""
    yield Act(draws.whole(0, length_ms), "conversion", _fraudster(draws), draws.skewed(0, ADS))


def slow_drip(draws: Draws, length_ms: int) -> Iterator[Act]:
    """Many people click on one ad for hours, each of them once or twice in half an hour."""
    ad = draws.whole(0, ADS)
    for _ in range(draws.whole(8, 20)):
        user, at_ms = _fraudster(draws), draws.whole(0, 30 * MINUTE_MS)
        while at_ms < length_ms:
            yield Act(at_ms, "click", user, ad)
            at_ms += draws.whole(15 * MINUTE_MS, 40 * MINUTE_MS)


KINDS = (
    Kind("click_farm", "few people click on one ad very often", 8, click_farm),
    Kind("regular_bot", "clicks of one user with gaps that are too even", 12, regular_bot),
    Kind("instant_click", "a click within 60 ms of its impression", 30, instant_click),
    Kind("injected_click", "a click within 6 s before a conversion", 60, injected_click),
    Kind("lone_conversion", "a conversion of somebody who never clicked", 40, lone_conversion),
    Kind("slow_drip", "many people, each with few clicks on one ad, for hours", 4, slow_drip),
)


def schemes(seed: int, start_ms: int, minutes: int) -> Iterator[Act]:
    """All that fraudsters do, labelled, scheme by scheme; each kind has one at least."""
    length_ms, number = minutes * MINUTE_MS, 0
    for kind in KINDS:
        draws = Draws(seed, kind.name)
        for _ in range(max(1, kind.schemes_an_hour * minutes // 60)):
            number += 1
            for act in kind.play(draws, length_ms):
                if act.at_ms < length_ms:
                    yield replace(act, at_ms=start_ms + act.at_ms, kind=kind.name, scheme=number)


def _fraudster(draws: Draws) -> int:
    return draws.whole(USERS // 2, USERS)
