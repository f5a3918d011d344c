"""All parts are run in order, one that fails does not end the others, and each names a module that is there."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.all import busy, chosen, play
from bench.measure import BenchError
from bench.parts import PARTS
from bench.report import RESULTS, ROOT


def test_every_part_is_a_module_and_has_a_result_of_its_own() -> None:
    assert [part.module for part in PARTS if find_spec(part.module) is None] == []
    assert len({part.result for part in PARTS}) == len(PARTS)


def test_a_part_that_fails_does_not_end_the_others(tmp_path: Path) -> None:
    ran: list[tuple[Sequence[str], Path]] = []

    def run(command: Sequence[str], results: Path) -> int:
        ran.append((command[2:], results))
        return 1 if command[2] == "bench.decode" else 0

    parts = chosen(["start", "decode", "fuzz_json"], [])
    assert [part.result for part in play(parts, tmp_path, quick=True, run=run)] == ["decode"]
    assert [(list(command), folder) for command, folder in ran] == [
        ([part.module, *part.quick], tmp_path) for part in parts
    ]
    ran.clear()
    play(chosen(["fuzz_json"], []), tmp_path, quick=False, run=run)
    assert [list(command) for command, _ in ran] == [["bench.fuzz_json", "--records", "10000000"]]


def test_parts_are_chosen_by_their_results_in_order() -> None:
    assert [part.result for part in chosen(["decode", "throughput"], [])] == ["throughput", "decode"]
    assert "engines" not in [part.result for part in chosen([], ["engines"])]
    with pytest.raises(BenchError, match="no part is called nonsense; choose of throughput, engines"):
        chosen(["nonsense"], [])


def test_a_busy_machine_is_told() -> None:
    assert busy(0.8, 2) is None
    assert busy(7.0, 2) == "the machine has other work to do (load 7.0 on 2 cores): its figures will be worth nothing"


def test_a_trial_measures_and_reports_and_leaves_what_is_stored_as_it_is() -> None:
    before = {path.name: path.read_bytes() for path in RESULTS.iterdir()}
    command = [sys.executable, "-m", "bench.all", "--quick", "--only", "decode"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "== 1 of 1: bench.decode --records 1000" in done.stderr
    assert "| against Pathway | at least 10 times |  |  | not measured |" in done.stdout
    assert {path.name: path.read_bytes() for path in RESULTS.iterdir()} == before
