"""The table of window kinds. (Its arithmetic is held against the model in fold/test_assign.)"""

import pytest

from dataflow import windows
from dataflow.windows import Window, cumulate, hop, session, tumble
from dataflow.windows.kinds import KINDS, has_one_window, window_text


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
    ],
)
def test_windows_are_shown_as_they_are_written(window: Window, text: str) -> None:
    assert window_text(window) == text


def test_a_hop_as_long_as_its_slide_has_one_window_per_row() -> None:
    assert has_one_window(hop("1m", every="1m"))
    assert not has_one_window(hop("1m", every="30s"))
    assert has_one_window(session("1m"))
    assert not has_one_window(cumulate("1m", step="30s"))
