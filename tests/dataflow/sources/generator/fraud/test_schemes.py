"""Schemes: each kind does what its label says."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from dataflow.sources.generator.fraud.event import USERS, Act
from dataflow.sources.generator.fraud.schemes import KINDS, schemes

BEGIN_MS, HOUR_MS = 1_000_000, 3_600_000
ACTS = list(schemes(4, BEGIN_MS, 180))


def of(kind: str) -> dict[int | None, list[Act]]:
    """The events of each scheme of a kind."""
    found = defaultdict(list)
    for act in ACTS:
        if act.kind == kind:
            found[act.scheme].append(act)
    return found


def users(acts: list[Act]) -> Counter[int]:
    return Counter(act.user for act in acts)


@pytest.mark.parametrize("minutes", [1, 60, 180])
def test_every_kind_has_its_schemes_in_a_stream_of_any_length(minutes: int) -> None:
    acts = list(schemes(4, BEGIN_MS, minutes))
    assert all(BEGIN_MS <= act.at_ms < BEGIN_MS + minutes * 60_000 for act in acts)
    begun = {kind.name: len({act.scheme for act in acts if act.kind == kind.name}) for kind in KINDS}
    assert begun["injected_click"] == max(1, minutes)
    if minutes >= 60:
        assert min(begun.values()) > 0


def test_fraudsters_have_the_upper_half_of_the_numbers_and_a_scheme_one_kind() -> None:
    assert min(act.user for act in ACTS) >= USERS // 2
    kinds = {(act.scheme, act.kind) for act in ACTS}
    assert len(kinds) == len({scheme for scheme, _ in kinds})


def test_a_click_farm_is_few_people_who_click_on_one_ad_very_often() -> None:
    for acts in of("click_farm").values():
        assert len({act.ad for act in acts}) == 1
        assert len(users(acts)) <= 7
    assert max(max(users(acts).values()) for acts in of("click_farm").values()) >= 50


def test_a_bot_clicks_in_even_steps() -> None:
    noise = []
    for acts in of("regular_bot").values():
        times = [act.at_ms for act in acts]
        gaps = [after - before for before, after in pairwise(times)]
        assert len(users(acts)) == 1
        noise.append(max(gaps, default=0) - min(gaps, default=0))
    assert max(noise) <= 16_000
    assert sum(each <= 2_000 for each in noise) >= len(noise) // 3


def test_an_instant_click_comes_within_60_ms_of_its_impression() -> None:
    for acts in of("instant_click").values():
        for shown, clicked in zip(acts[::2], acts[1::2], strict=False):
            assert (shown.event_type, clicked.event_type, shown.ad) == ("impression", "click", clicked.ad)
            assert 0 < clicked.at_ms - shown.at_ms < 60


def test_an_injected_click_comes_within_6_s_before_its_conversion() -> None:
    pairs = [acts for acts in of("injected_click").values() if len(acts) == 2]
    assert len(pairs) > 100
    for clicked, converted in pairs:
        assert (clicked.event_type, converted.event_type, clicked.user) == ("click", "conversion", converted.user)
        assert 200 <= converted.at_ms - clicked.at_ms < 6_000


def test_a_lone_conversion_is_of_somebody_who_did_nothing_else() -> None:
    for acts in of("lone_conversion").values():
        assert [act.event_type for act in acts] == ["conversion"]


def test_a_slow_drip_goes_on_for_hours_and_nobody_clicks_twice_within_a_quarter() -> None:
    for acts in of("slow_drip").values():
        assert len({act.ad for act in acts}) == 1
        assert max(act.at_ms for act in acts) - min(act.at_ms for act in acts) > 2 * HOUR_MS
        for user in users(acts):
            times = [act.at_ms for act in acts if act.user == user]
            assert all(b - a >= 15 * 60_000 for a, b in pairwise(times))
