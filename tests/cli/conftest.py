"""A small lake and the commands that read it, for the tests of the commands."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import main
from tests.cli.started import Start, Tidemill
from tests.query.lakes import T0, LakeMaker, clicks, ledger

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with LakeMaker(tmp_path / "lake") as maker:
        maker.commit({"ad_clicks_1m_delta": [clicks("a", 0, 2, "1.5")], "ledger": [ledger("p", 0, 2, T0)]})
        yield maker


@pytest.fixture
def tidemill(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, lake: LakeMaker) -> Tidemill:
    """Runs a command with the lake in the environment: exit code, standard output, standard error."""
    monkeypatch.setenv("TIDEMILL_LAKE", str(lake.folder))
    monkeypatch.setenv("TZ", "UTC")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments=list(arguments))
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, out.decode("latin-1"), err.decode()

    return run


@pytest.fixture
def start(lake: LakeMaker) -> Iterator[Start]:
    """Starts a command as a process of its own."""
    with contextlib.ExitStack() as ended:

        def run(*arguments: str) -> subprocess.Popen[bytes]:
            code = "import sys; from cli.main import main; main(arguments=sys.argv[1:])"
            command = [sys.executable, "-c", code, *arguments, "--lake", str(lake.folder)]
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            ended.enter_context(process)
            ended.callback(process.kill)
            return process

        yield run
