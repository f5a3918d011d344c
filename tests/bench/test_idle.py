"""A run at rest: its CPU time as the system counts it, and the table."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest

from bench.idle import Idle, as_markdown, children, cpu_s, measure


def test_cpu_time_is_that_of_all_threads_and_of_no_child() -> None:
    before, mine = cpu_s(os.getpid()), time.process_time()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in children(os.getpid())
        while time.process_time() - mine < 0.2:
            pass
        assert cpu_s(os.getpid()) - before == pytest.approx(time.process_time() - mine, abs=0.03)
    finally:
        child.kill()
        child.wait()
        assert child.stdin is not None
        child.stdin.close()


def test_fewer_than_five_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        measure({}, 4, 1.0)


class Asleep:
    """A run that spends nothing, and writes down when it is woken."""

    def __init__(self, woken: list[str], name: str) -> None:
        self.pid = os.getpid()
        self._woken, self._name = woken, name

    def visible_ms(self) -> float:
        self._woken.append(self._name)
        return 1.0


def test_all_runs_rest_at_the_same_time_and_wake_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    monkeypatch.setattr("bench.idle.time.sleep", rests.append)
    woken: list[str] = []
    runs: Any = {name: Asleep(woken, name) for name in ("one", "two")}
    idles = measure(runs, 5, 30.0)
    assert [(each.name, each.rounds, each.rested_ms, each.awake_ms) for each in idles] == [
        ("one", 5, 1.0, 1.0),
        ("two", 5, 1.0, 1.0),
    ]
    assert rests.count(30.0) == 5
    assert woken == (["one"] * 6 + ["two"] * 6) * 5


def test_each_way_to_run_is_one_line() -> None:
    lines = as_markdown([Idle("`-w 1`", 5, 0.416, 0.5, 0.02, 152.4, 310.0)]).splitlines()
    assert lines[2] == "| `-w 1` | 0.42 | 0.50 | 0.02 | 152 | 310 |"
