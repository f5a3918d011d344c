"""Start and end of a run: medians, what is not known stays empty, and a real run's own times."""

import sys
from pathlib import Path

import pytest

from bench.commands import TIDEMILL
from bench.measure import BenchError
from bench.run_start import Life, as_markdown, lived, summarise


def test_what_is_not_known_of_a_command_stays_empty() -> None:
    python = summarise("python", [Life(100.0 + each) for each in range(5)])
    run = summarise("run", [Life(204.0 + each, 50.0, 7.0) for each in range(5)])
    assert (python.whole_ms, python.first_ms, python.end_ms) == (102, None, None)
    assert (run.first_ms, run.end_ms) == (50, 7)
    assert as_markdown([python, run]).splitlines()[2:] == [
        "| python | 102 | 1.0 |  |  |",
        "| run | 206 | 2.0 | 50 | 7 |",
    ]


def test_fewer_than_five_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        summarise("run", [Life(1.0)] * 4)


def test_a_command_that_fails_gives_no_figure(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"ended with 3:\nso it is"):
        lived([sys.executable, "-c", "import sys; print('so it is', file=sys.stderr); sys.exit(3)"], tmp_path / "log")


def test_a_run_has_its_first_rows_and_its_last_commit_within_its_life(tmp_path: Path) -> None:
    command = [TIDEMILL, "run", "--source", "generator", "--generator-records", "100", "--generator-unpaced"]
    command += ["--bounded", "--lake", str(tmp_path / "lake"), "--recovery", str(tmp_path / "recovery")]
    life = lived(command, tmp_path / "log", tmp_path / "lake")
    assert life.first_ms is not None
    assert life.end_ms is not None
    assert 0 < life.first_ms < life.whole_ms
    assert 0 < life.end_ms < life.whole_ms
