"""Where the own packages are; what an installed Tidemill says of itself is in tests/installed."""

import pytest

from dataflow.root import INSTALLED, ROOT, cache_folder


def test_in_the_tree_the_packages_are_at_the_top() -> None:
    assert ROOT == ""
    assert not INSTALLED


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/u")
    assert cache_folder({}) == "/home/u/.cache/tidemill"
    assert cache_folder({"XDG_CACHE_HOME": "/var/cache"}) == "/var/cache/tidemill"
    assert cache_folder({"XDG_CACHE_HOME": ""}) == "/home/u/.cache/tidemill"


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert cache_folder({}) is None
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) is None
