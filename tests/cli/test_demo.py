"""The demo, where its pipeline does not do what it should."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli import demo
from cli.main import main


def test_a_pipeline_that_is_killed_is_said_and_its_signal_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def start(*_: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])

    monkeypatch.setattr(demo, "_start", start)
    with pytest.raises(SystemExit) as ended:
        main(arguments=["demo", "--lake", str(tmp_path / "lake"), "--recovery", str(tmp_path / "recovery")])
    assert ended.value.code == 137
    assert "error: the pipeline was killed by SIGKILL" in capsys.readouterr().err
