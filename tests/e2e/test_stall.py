"""A real run whose sources fall asleep: told, started anew, and every table as if nothing had been."""

import json
from pathlib import Path

import pytest

from dataflow.intake.adstream import AdStream
from query.dump import dump
from query.reader import LakeReader
from tests.chaos.subject import ROOT, Subject


def run(folder: Path, name: str, processes: int, fault: str) -> Subject:
    """A bounded run over the files, into a lake of this name."""
    arguments = ["run", "--pipeline", str(ROOT / "pipelines" / "ads.py"), "--source", "files", "--input", "data"]
    arguments += ["--bounded", "--lake", name, "--recovery", f"{name}-r", "--processes", str(processes)]
    arguments += ["--batch-records", "100", "--epoch-ms", "50", "--stall-after", "2s", "--log-format", "json"]
    return Subject(arguments, folder, environ={"TIDEMILL_FAULT": fault} if fault else {})


def dumped(lake: Path) -> dict[str, str]:
    with LakeReader(lake) as reader:
        return {path.name: path.read_text() for path in dump(reader.snapshot(), lake.with_name(f"{lake.name}-dump"))}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_that_falls_asleep_is_told_and_started_anew_with_exact_tables(tmp_path: Path, processes: int) -> None:
    stream = AdStream(seed=3, rate=1000.0, partitions=2, start_ms=1_767_225_600_000)
    (tmp_path / "data").mkdir()
    for number in range(2):
        lines = stream.values(number, 0, 3000)
        (tmp_path / "data" / f"part-{number}.ndjson").write_bytes(b"".join(line + b"\n" for line in lines))
    asleep = run(tmp_path, "asleep", processes, "oversleep:20")
    try:
        code = asleep.wait(150)
    finally:
        asleep.kill()
    # beside our lines, Bytewax may say that a peer went away
    said = [json.loads(line) for line in asleep.said.splitlines() if line.startswith("{")]
    assert code == 0, asleep.said
    told = [line for line in said if line["event"] == "no commit while records wait"]
    anew = [line for line in said if line["event"] == "the run stands still while records wait: starting anew"]
    assert told, asleep.said
    assert anew, asleep.said
    assert said.index(told[0]) < said.index(anew[0])
    assert anew[0]["partition"] in ("part-0", "part-1")
    assert anew[0]["doing"] == "nothing"
    assert anew[0]["in_a_row"] == 1
    clean = run(tmp_path, "clean", 1, "")
    try:
        assert clean.wait(100) == 0, clean.said
    finally:
        clean.kill()
    tables = dumped(tmp_path / "asleep")
    assert tables == dumped(tmp_path / "clean")
    assert any(len(text.splitlines()) > 100 for text in tables.values())
