"""Zones: the wall clock as the tz database has it, and the two ways back from it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.zones import Zone, zone_of
from tests.model.clocks import clock

ZONES = (
    "Europe/Amsterdam", "America/Sao_Paulo", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia",
    "Africa/Casablanca", "Asia/Kathmandu", "America/New_York", "UTC", "Europe/Dublin", "Antarctica/Troll",
)  # fmt: skip
EPOCH = datetime(1970, 1, 1)
MS = timedelta(milliseconds=1)
CYCLE_MS = 146_097 * 86_400_000
zones = st.sampled_from(ZONES)
at_ms = st.integers(-3_000_000_000_000, 9_000_000_000_000)


def reading(name: str, instant: int) -> int:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)
    return (at.astimezone(clock(name)).replace(tzinfo=None) - EPOCH) // MS


def edges(zone: Zone) -> list[int]:
    """Readings around every change of the clock from 1900 to 2100."""
    since = zone._since[1:]
    near = since[(since > -2_208_988_800_000) & (since < 4_102_444_800_000)]
    return [int(at) + hours * 1_800_000 + off for at in near[-200:] for hours in range(-28, 29, 4) for off in (-1, 0)]


def one(found: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
    return int(found[0])


@pytest.mark.parametrize("name", ZONES)
def test_a_reading_means_what_zoneinfo_takes_it_for(name: str) -> None:
    readings = edges(zone_of(name))
    meant = zone_of(name).instant(np.array(readings, np.int64)).tolist()
    for at, found in zip(readings, meant, strict=True):
        local = (EPOCH + at * MS).replace(tzinfo=clock(name))
        assert found == (local.astimezone(UTC).replace(tzinfo=None) - EPOCH) // MS, local


@given(zones, at_ms)
@settings(deadline=None)
def test_the_clock_has_shown_at_least_its_reading_and_more_only_after_it_was_put_back(name: str, instant: int) -> None:
    shown = one(zone_of(name).furthest(np.array([instant], np.int64)))
    now = reading(name, instant)
    assert now <= shown < now + 25 * 3_600_000
    if shown > now:
        assert any(reading(name, instant - back * 60_000) > now for back in range(1, 25 * 60))


@given(zones, at_ms)
@settings(deadline=None)
def test_a_border_is_the_first_instant_at_which_the_clock_shows_it_or_more(name: str, border: int) -> None:
    border -= border % 3_600_000
    first = one(zone_of(name).first(np.array([border], np.int64)))
    around = zone_of(name).furthest(np.array([first - 1, first], np.int64)).tolist()
    assert around[0] < border <= around[1]
    assert reading(name, first) >= border


@given(zones, at_ms.map(abs), st.integers(1, 20_000))
@settings(deadline=None)
def test_the_rules_of_the_far_future_repeat_every_four_hundred_years(name: str, at: int, cycles: int) -> None:
    at += 7_300_000_000_000
    times, later = np.array([at], np.int64), np.array([at + cycles * CYCLE_MS], np.int64)
    zone = zone_of(name)
    for way in (zone.furthest, zone.first, zone.instant):
        assert one(way(later)) == one(way(times)) + cycles * CYCLE_MS


def test_a_skipped_and_a_repeated_hour() -> None:
    zone = zone_of("Europe/Amsterdam")
    skipped = (datetime(2026, 3, 29, 2, 30) - EPOCH) // MS
    twice = (datetime(2026, 10, 25, 2, 30) - EPOCH) // MS
    readings = np.array([skipped, twice], np.int64)
    gap_end = (datetime(2026, 3, 29, 1) - EPOCH) // MS
    assert zone.instant(readings).tolist() == [gap_end + 1_800_000, twice - 7_200_000]
    assert zone.first(readings).tolist() == [gap_end, twice - 7_200_000]


def test_a_name_that_no_zone_has_is_told_its_neighbour() -> None:
    with pytest.raises(ValueError, match="did you mean Europe/Amsterdam"):
        zone_of("Europe/Amsterdm")
    for odd in ("", "../etc/passwd", "Europe", "CEST+1"):
        with pytest.raises(ValueError, match="no zone of the tz database"):
            zone_of(odd)


def test_zones_with_the_same_rules_have_the_same_digest() -> None:
    assert zone_of("Europe/Amsterdam").digest == zone_of("Europe/Brussels").digest
    assert zone_of("Europe/Amsterdam").digest != zone_of("Europe/London").digest
