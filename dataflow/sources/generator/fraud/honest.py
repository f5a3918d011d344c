"""What honest people do: visits with impressions, now and then a click, seldom a conversion; some of it looks odd."""

from collections.abc import Iterator

from dataflow.sources.generator.fraud.draws import Draws
from dataflow.sources.generator.fraud.event import ADS, MINUTE_MS, SECOND_MS, USERS, Act

CLICKS, FAN_CLICKS = 0.06, 0.6
FANS = 0.01
"""So many visitors like ads, look long and click on most of them."""
ACTS_A_VISIT = 10.0
"""About so many events a visit has, on average."""


def honest(seed: int, start_ms: int, minutes: int, rate: float) -> Iterator[Act]:
    """All that honest people do, visit by visit; about `rate` events a second."""
    draws = Draws(seed, "honest")
    length_ms = minutes * MINUTE_MS
    for _ in range(int(rate * minutes * 60 / ACTS_A_VISIT)):
        yield from _visit(draws, start_ms + draws.whole(0, length_ms), start_ms + length_ms)


def _visit(draws: Draws, at_ms: int, end_ms: int) -> Iterator[Act]:
    user = draws.skewed(0, USERS // 2)
    is_fan = draws.happens(FANS)
    for _ in range(draws.whole(20, 60) if is_fan else draws.whole(2, 16)):
        ad = draws.skewed(0, ADS)
        for act in _shown(draws, at_ms, user, ad, FAN_CLICKS if is_fan else CLICKS):
            if act.at_ms < end_ms:
                yield act
        at_ms += draws.skewed(2 * SECOND_MS, 60 * SECOND_MS)


def _shown(draws: Draws, at_ms: int, user: int, ad: int, clicks: float) -> Iterator[Act]:
    """An impression, and what comes of it."""
    yield Act(at_ms, "impression", user, ad)
    # somebody saw it, and comes later by another way
    if draws.happens(0.0004):
        yield Act(at_ms + draws.skewed(MINUTE_MS, 30 * MINUTE_MS), "conversion", user, ad)
    if not draws.happens(clicks):
        return
    # a thumb that was on its way already
    clicked_ms = at_ms + (draws.whole(30, 300) if draws.happens(0.01) else draws.skewed(600, 30 * SECOND_MS))
    yield Act(clicked_ms, "click", user, ad)
    # a double click
    if draws.happens(0.03):
        yield Act(clicked_ms + draws.whole(150, 500), "click", user, ad)
    if draws.happens(0.08):
        # of a one-click shop, or after a look at it, or after a night
        after_ms = draws.whole(2, 6) if draws.happens(0.02) else draws.skewed(20, 2 * 3_600)
        yield Act(clicked_ms + after_ms * SECOND_MS, "conversion", user, ad)
