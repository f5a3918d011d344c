"""A command starts when what it waits for is there, and not before."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deploy.wait import main, missing
from runtime.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_starts_when_the_file_is_there_and_gives_its_exit_code(tmp_path: Path) -> None:
    file = tmp_path / "catalog"
    timer = threading.Timer(0.3, file.touch)
    timer.start()
    check = f"import pathlib, sys; sys.exit(7 if pathlib.Path({str(file)!r}).exists() else 1)"
    command = [sys.executable, "-m", "deploy.wait", "--file", str(file), "--", sys.executable, "-c", check]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 7
    timer.join()


def test_when_time_is_up_it_says_what_was_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--file", str(tmp_path / "never"), "--seconds", "0", "true"]) == 1
    assert capsys.readouterr().err == f"waited 0 s for the file {tmp_path}/never, in vain\n"


def test_a_port_where_nothing_listens_is_a_missing_broker() -> None:
    broker = f"127.0.0.1:{free_ports(1)[0]}"
    assert missing(broker, None, None) == f"a broker at {broker}"
