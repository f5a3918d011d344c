"""The bench of rules over pairs in small: a lake is read back, and commits are judged."""

import pytest

from bench.pair_rules import TOUCHED, measured


@pytest.mark.parametrize("kind", ["sequence", "absence"])
def test_a_restart_and_commits_are_measured(kind: str) -> None:
    found = measured(kind, keys=TOUCHED // 100, commits=2)
    assert min(found[name] for name in ("restart_s", "restart_cpu_s", "peak_mb", "p50_ms", "p90_ms")) > 0
