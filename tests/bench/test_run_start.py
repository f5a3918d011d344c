"""Start and end of a run: medians, what is not known stays empty, and a real run's own times."""

import sys
from pathlib import Path

import pytest

from bench.commands import TIDEMILL
from bench.measure import BenchError
from bench.run_start import Life, as_markdown, first_decoded, lived, summarise


def test_what_is_not_known_of_a_command_stays_empty() -> None:
    python = summarise("python", [Life(100.0 + each, 80.0) for each in range(5)])
    run = summarise("run", [Life(204.0 + each, 150.0, 40.0 + each, 50.0, 7.0, 90.0) for each in range(5)])
    assert (python.whole_ms, python.decoded_ms, python.first_ms, python.end_ms) == (102, None, None, None)
    assert (run.decoded_ms, run.decoded_ms_min, run.first_ms, run.end_ms) == (42, 40, 50, 7)
    assert as_markdown([python, run]).splitlines()[2:] == [
        "| python | 102 | 1.0 | 80 |  |  |  |  |  |",
        "| run | 206 | 2.0 | 150 | 42 | 40 | 50 | 7 | 90 |",
    ]


def test_fewer_than_five_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5"):
        summarise("run", [Life(1.0, 1.0)] * 4)


def test_a_command_that_fails_gives_no_figure(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"ended with 3:\nso it is"):
        lived([sys.executable, "-c", "import sys; print('so it is', file=sys.stderr); sys.exit(3)"], tmp_path / "log")


def test_a_run_has_its_first_records_its_first_rows_and_its_last_commit_within_its_life(tmp_path: Path) -> None:
    command = [TIDEMILL, "run", "--source", "generator", "--generator-records", "100", "--generator-unpaced"]
    command += ["--bounded", "--lake", str(tmp_path / "lake"), "--recovery", str(tmp_path / "recovery")]
    command += ["--log-level", "debug", "--log-format", "json"]
    life = lived(command, tmp_path / "log", tmp_path / "lake")
    assert life.decoded_ms is not None
    assert life.first_ms is not None
    assert life.end_ms is not None
    assert 0 < life.decoded_ms < life.first_ms < life.whole_ms
    assert 0 < life.end_ms < life.whole_ms
    assert life.cpu_ms > 0


def test_a_log_without_the_first_records_is_no_figure(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"event": "started"}\n')
    with pytest.raises(BenchError, match="first records"):
        first_decoded(tmp_path / "log")
