"""The measuring code measures: known costs come out, turns alternate, failures speak."""

import json
import sys
from pathlib import Path

import pytest

from bench import results
from bench.measure import (
    MIB,
    BenchError,
    Sample,
    as_installed,
    as_markdown,
    in_turns,
    machine,
    run_child,
    summarise,
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_child_that_takes_memory_shows_it_as_its_peak(tmp_path: Path) -> None:
    code = "import time; x = b'x' * (200 * 1024 * 1024); time.sleep(0.2)"
    large = run_child(python(code), log=tmp_path / "log")
    assert 200 * MIB < large.peak_rss_bytes < 240 * MIB


def test_the_memory_of_grandchildren_counts(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    grandchild = "import time; x = b'x' * (100 * 1024 * 1024); time.sleep(0.2)"
    usage = run_child([*python(code), grandchild], log=tmp_path / "log")
    assert usage.peak_rss_bytes > 105 * MIB


def test_a_child_that_sleeps_costs_wall_time_and_no_cpu(tmp_path: Path) -> None:
    usage = run_child(python("import time; time.sleep(0.3)"), log=tmp_path / "log")
    assert usage.wall_s >= 0.3
    assert usage.cpu_s < 0.3


def test_a_child_that_works_costs_the_cpu_it_says(tmp_path: Path) -> None:
    code = "import time\nwhile time.process_time() < 0.4: pass\nprint(time.process_time())"
    usage = run_child(python(code), log=tmp_path / "log")
    assert usage.cpu_s >= float(usage.output)


def test_the_output_and_environment_of_a_child_are_its_own(tmp_path: Path) -> None:
    usage = run_child(python("import os; print(os.environ['ANSWER'])"), log=tmp_path / "log", env={"ANSWER": "42"})
    assert usage.output == "42\n"


def test_a_child_that_fails_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"ended with 3:\nno broker here"):
        run_child(python("import sys; sys.stderr.write('no broker here'); sys.exit(3)"), log=tmp_path / "log")


def test_contenders_take_turns_and_the_order_is_turned_round() -> None:
    seen: list[str] = []

    def contender(name: str) -> Sample:
        seen.append(name)
        return Sample(1, 1.0, 1.0, 1)

    samples = in_turns({"a": lambda _: contender("a"), "b": lambda _: contender("b")}, 5)
    assert "".join(seen) == "abbaabbaab"
    assert {name: len(runs) for name, runs in samples.items()} == {"a": 5, "b": 5}


def test_fewer_than_five_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        in_turns({}, 4)


def test_a_summary_states_medians_and_the_highest_peak() -> None:
    walls = [1.0, 2.0, 4.0, 8.0, 10.0]
    samples = [Sample(1_000_000, wall, wall / 2, int(wall) * MIB, 5.0) for wall in walls]
    summary = summarise("x", samples)
    assert summary.events_per_s == 250_000
    assert (summary.events_per_s_min, summary.events_per_s_max) == (100_000, 1_000_000)
    assert summary.cpu_s_per_million == 2.0
    assert summary.peak_rss_mib == 10
    assert "| x | 250,000 | 100,000 - 1,000,000 | 5 | 2.00 | 10 |" in as_markdown([summary])


def test_results_name_the_machine_and_hold_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results.write("t", "A title", {"events": 5}, "body", {"p50": 1}, tmp_path)
    stored = json.loads((tmp_path / "t.json").read_text())
    assert stored["machine"]["cores"] == machine().cores
    assert stored["figures"] == {"p50": 1}
    assert (tmp_path / "t.md").read_text() == capsys.readouterr().out.removesuffix("\n")


def test_what_is_measured_keeps_the_bytecode_of_its_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("TIDEMILL_LAKE", "there")
    environment = as_installed()
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["TIDEMILL_LAKE"] == "there"
