"""The table of window kinds. (Its arithmetic is held against the model in fold/test_assign.)"""

import pytest

from dataflow import windows
from dataflow.windows import Window, cumulate, hop, session, tumble
from dataflow.windows.kinds import KINDS, has_one_window, kind_of, window_text


def test_every_declaration_has_its_kind() -> None:
    made = [tumble("1m"), hop("2m", every="1m"), cumulate("2m", step="1m"), session("1m")]
    assert {window.kind for window in made} == KINDS.keys()
    assert all(callable(getattr(windows, name)) for name in KINDS)


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (tumble("60s"), "tumble 1m"),
        (tumble("1d", offset="6h"), "tumble 1d, offset 6h"),
        (hop("5m", every="90s"), "hop 5m every 90s"),
        (cumulate("1d", step="1h"), "cumulate 1d by steps of 1h"),
        (session("1500ms"), "session 1500ms"),
        (tumble("1d", zone="Europe/Amsterdam"), "tumble 1d in Europe/Amsterdam"),
        (tumble("1d", "6h", zone="Europe/Amsterdam"), "tumble 1d in Europe/Amsterdam, offset 6h"),
        (tumble("1w", zone="Asia/Tokyo"), "tumble 7d from monday in Asia/Tokyo"),
        (tumble("2w", "7d", zone="Asia/Tokyo", week="sunday"), "tumble 14d from sunday in Asia/Tokyo, offset 7d"),
        (tumble("7d", week="monday"), "tumble 7d, offset 4d"),
    ],
)
def test_windows_are_shown_as_they_are_written(window: Window, text: str) -> None:
    assert window_text(window) == text


def test_a_hop_as_long_as_its_slide_has_one_window_per_row() -> None:
    assert has_one_window(hop("1m", every="1m"))
    assert not has_one_window(hop("1m", every="30s"))
    assert has_one_window(session("1m"))
    assert not has_one_window(cumulate("1m", step="30s"))


@pytest.mark.parametrize(
    ("window", "mistake"),
    [
        (tumble("1d", zone="Europe/Amsterdm"), "did you mean Europe/Amsterdam?"),
        (tumble("7h", zone="UTC"), "whole days, or whole hours that divide a day"),
        (tumble("30m", zone="UTC"), "whole days, or whole hours that divide a day"),
        (tumble("36h", zone="UTC"), "whole days, or whole hours that divide a day"),
    ],
)
def test_a_size_or_a_zone_that_no_clock_has_is_refused(window: Window, mistake: str) -> None:
    assert any(mistake in told for told in kind_of(window).mistakes(window))


@pytest.mark.parametrize(
    ("window", "mistake"),
    [
        (tumble("1d", week="monday"), "needs a size of whole weeks"),
        (tumble("1w", zone="UTC", week="mon"), "is no weekday"),
        (tumble("soon", zone="UTC"), "is not a duration"),
    ],
)
def test_a_week_that_is_none_is_refused(window: Window, mistake: str) -> None:
    assert mistake in (window.mistake or "")


def test_windows_in_zones_keep_the_size_as_their_period() -> None:
    for size in ("1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d", "10d", "1w", "4w"):
        assert list(kind_of(tumble(size, zone="UTC")).mistakes(tumble(size, zone="UTC"))) == []
