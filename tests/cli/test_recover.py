"""`tidemill recover`: what ends it while it waits, and what it asks for."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import main
from sinks.lake.catalog.catalog import Catalog
from tests.model.files import read_folder
from tests.proof.audited import ROOT, Audited
from tests.proof.silent_source import SilentReader, SilentSource


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return Audited(tmp_path_factory.mktemp("taken"))


@pytest.fixture
def lake(made: Audited, tmp_path: Path) -> Audited:
    SilentReader.asked = 0
    return made.copy(tmp_path)


def lineage_of(lake: Audited) -> str:
    catalog = Catalog.open(lake.lake)
    try:
        return str(catalog.one("SELECT lineage FROM own_pipeline")[0])
    finally:
        catalog.close()


@pytest.fixture
def command(lake: Audited, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """`tidemill recover` in the lake's folder, on a source that has nothing yet; signals stand as they did after it."""
    (lake.folder / "small.py").write_text("from tests.proof.audited import pipeline as make\n\npipeline = make()\n")
    monkeypatch.chdir(lake.folder)
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr("proof.reopen.reopen", lambda *_: SilentSource(read_folder(lake.input), ()))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    # a signal that the command does not see must not end the tests
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield ["recover", "--from-lake", "--source", "files", "--input", "input", "--pipeline", "small.py"]
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_while_it_waits_and_nothing_has_changed(
    lake: Audited, command: list[str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr("time.sleep", sleep)
    before = lineage_of(lake)
    with pytest.raises(SystemExit) as ended:
        main(arguments=command)
    assert ended.value.code not in (0, None)
    assert len(pauses) == SilentReader.asked == 3
    assert all(0.001 <= seconds <= 0.05 for seconds in pauses)
    assert lineage_of(lake) == before
    assert not (lake.folder / "recovery").exists()
    assert not list(lake.folder.glob("recovery[!-]*"))


def test_what_to_recover_from_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments=["recover"])
    assert ended.value.code == 2
    assert "say what to recover from: `tidemill recover --from-lake`" in capsys.readouterr().err
