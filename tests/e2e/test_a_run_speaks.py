"""A real run on a terminal, in a pipe, for a program, and by Bytewax's own command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import on_a_terminal

ROOT = Path(__file__).parents[2]
RUN = [
    *("run", "--source", "generator", "--generator-rate", "2000", "--generator-seconds", "3", "--bounded"),
    *("--compact-every", "0s"),
]
RECORDS = 6_000
"""About: what the generator makes in three seconds."""


def command(folder: Path, *more: str) -> list[str]:
    program = [sys.executable, "-c", "import run\nrun.main()"]
    return [*program, *RUN, "--lake", f"{folder}/lake", "--recovery", f"{folder}/recovery", *more]


@pytest.mark.parametrize("columns", [80, 160])
def test_a_terminal_shows_one_line_that_lives_and_stays_at_the_end(tmp_path: Path, columns: int) -> None:
    shown = on_a_terminal(command(tmp_path), columns)
    lines = [line.removeprefix("\x1b[K") for part in shown.split("\n") for line in part.split("\r")]
    live = [line for line in lines if "/s  read " in line]
    assert len(live) >= 3
    assert max(map(len, live)) < columns
    read = int(live[-1].partition("read ")[2].split(" ")[0].replace(",", ""))
    assert RECORDS * 0.9 < read < RECORDS * 1.1
    assert any("started" in line for line in lines)
    assert any("ended" in line and "end of input" in line for line in lines)


def test_a_quiet_run_on_a_terminal_has_no_such_line(tmp_path: Path) -> None:
    assert "/s  read " not in on_a_terminal(command(tmp_path, "--quiet"), 80)


def test_a_pipe_gets_logs_alone_with_the_figures_at_the_end(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines if line["event"] != "progress"] == ["started", "ended"]
    assert RECORDS * 0.9 < lines[-1]["read"] < RECORDS * 1.1
    assert lines[-1]["dead"] > 0


def test_a_program_reads_objects_from_standard_output(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, "--progress", "json"), cwd=ROOT, capture_output=True, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["event"] for each in told][-2:] == ["progress", "ended"]
    read = [each["read"] for each in told]
    assert read == sorted(read)
    assert {"seconds", "rate", "late", "duplicate", "dead", "delay_ms", "lag", "committed_ms"} <= told[-1].keys()


def test_a_reader_that_goes_away_does_not_end_the_run(tmp_path: Path) -> None:
    run = subprocess.Popen(
        command(tmp_path, "--progress", "json"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert run.stderr is not None
    assert '"progress"' in run.stdout.readline()
    run.stdout.close()
    log = [json.loads(line) for line in run.stderr.read().splitlines()]
    assert run.wait() == 0
    assert [line["event"] for line in log if line["event"] != "progress"] == ["started", "ended"]
    run.stderr.close()


def test_bytewaxs_own_command_speaks_as_well(tmp_path: Path) -> None:
    (tmp_path / "recovery").mkdir()
    settings = {
        "TIDEMILL_SOURCE": "generator",
        "TIDEMILL_GENERATOR_RECORDS": "2000",
        "TIDEMILL_GENERATOR_PACED": "false",
        "TIDEMILL_BOUNDED": "true",
        "TIDEMILL_LAKE": f"{tmp_path}/lake",
        "TIDEMILL_COMPACT_EVERY": "0s",
    }
    arguments = [sys.executable, "-m", "bytewax.run", "run:flow", "-r", f"{tmp_path}/recovery", "-s", "1", "-b", "0"]
    done = subprocess.run(
        arguments, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=True
    )
    ended = [json.loads(line) for line in done.stderr.splitlines() if '"ended"' in line]
    assert [(line["event"], line["reason"], line["read"]) for line in ended] == [("ended", "end of input", 2000)]
