"""Real runs over records that are no events: the log says so, doctor says so, and --fail-dead ends with exit code 3."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dataflow.sources.generator.adstream import AdStream
from query.reader import LakeReader
from runtime.dead_limit import REASON
from tests.chaos.subject import PATIENCE_S, ROOT, TIDEMILL

FRAMED = b"\x00\x00\x00\x00\x2a\x10ad-1\x07\xfe"
BYTEWAX = (sys.executable, "-m", "bytewax.run", "run:flow", "-w", "2", "-r", "recovery", "-s", "1", "-b", "0")

pytestmark = pytest.mark.timeout(600)


class Folder:
    """A working folder with input files; commands run in it to their end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "data").mkdir()

    def write(self, name: str, values: Sequence[bytes]) -> None:
        """One source partition."""
        (self.path / "data" / f"{name}.ndjson").write_bytes(b"".join(value + b"\n" for value in values))

    def call(self, command: Sequence[str], **settings: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "TIDEMILL_PIPELINE": str(ROOT / "pipelines" / "ads.py"),
            "TIDEMILL_SOURCE": "files",
            "TIDEMILL_INPUT": "data",
            "TIDEMILL_COMPACT_EVERY": "0s",
            "TIDEMILL_BATCH_RECORDS": "500",
            **{f"TIDEMILL_{name.upper()}": value for name, value in settings.items()},
        }
        done = subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def run(self, *flags: str) -> tuple[int, list[dict[str, Any]], str]:
        """`tidemill run`: its exit code, its log and its error."""
        code, _, said = self.call([*TIDEMILL, "run", "--bounded", "--log-format", "json", *flags])
        return code, logged(said), "".join(line for line in said.splitlines() if line.startswith("error: "))

    def doctor(self) -> dict[str, Any]:
        """What doctor says of the records."""
        _, out, _ = self.call([*TIDEMILL, "doctor", "--json"])
        (finding,) = [each for each in json.loads(out) if each["check"] == "records"]
        assert isinstance(finding, dict)
        return finding

    def ask(self, sql: str) -> int:
        """The one number that answers."""
        with LakeReader(self.path / "lake") as reader:
            (row,) = reader.query(sql).to_pylist()
        return int(next(iter(row.values())) or 0)


def logged(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def good(records: int) -> list[bytes]:
    return list(AdStream(seed=1, rate=1000.0, partitions=1, start_ms=1_767_225_600_000).values(0, 0, records))


def test_all_records_dead_is_a_warning_a_line_at_the_end_and_an_error_of_doctor(folder: Folder) -> None:
    folder.write("a", [FRAMED] * 3_000)
    code, log, _ = folder.run()
    assert code == 0
    (warning,) = [line for line in log if line["level"] == "warning"]
    assert warning["event"].endswith("records of this run are dead letters, all of them invalid_utf8")
    assert warning["dead"] == warning["of"] >= 1_000
    assert (warning["partition"], warning["offset"]) == ("a", 0)
    assert warning["example"] == r"\x00\x00\x00\x00*\x10ad-1\x07\xfe"
    assert "schema registry: a zero byte and a schema's number, 42," in warning["cause"]
    assert "format=avro()" in warning["fix"]
    assert log[-1]["event"] == "ended"
    assert (log[-1]["read"], log[-1]["dead"], log[-1]["late"]) == (3_000, 3_000, 0)
    finding = folder.doctor()
    assert finding["severity"] == "error"
    assert (finding["details"]["cause"], finding["fix"]) == (warning["cause"], warning["fix"])


def test_fail_dead_ends_with_exit_code_3_keeps_what_was_read_and_goes_on_at_the_next_start(folder: Folder) -> None:
    folder.write("a", [FRAMED] * 30_000)
    code, log, error = folder.run("--fail-dead", "10%", "--max-epoch-bytes", "65536")
    assert code == 3
    assert (log[-1]["event"], log[-1]["reason"]) == ("ended", REASON)
    assert "records became dead letters, more than fail_dead = 10% allows" in error
    assert "schema registry" in error
    read = folder.ask("SELECT sum(read) FROM ledger")
    assert 1_000 <= read < 30_000
    assert read == log[-1]["dead"] == folder.ask("SELECT count(*) FROM dead_letters")
    code, log, _ = folder.run()
    assert code == 0
    assert log[-1]["dead"] == 30_000 - read
    assert folder.ask('SELECT count(DISTINCT "offset") FROM dead_letters') == 30_000


def test_a_small_input_is_judged_at_its_end(folder: Folder) -> None:
    folder.write("a", [b'{"shop": 1}'] * 3 + good(4))
    code, log, error = folder.run("--fail-dead", "40%")
    assert code == 3
    (warning,) = [line for line in log if line["level"] == "warning"]
    assert warning["event"].startswith("3 of 7 records of this run are dead letters, all of them missing_field at ")
    assert "the example has the keys shop" in warning["cause"]
    assert error.startswith("error: 3 of 7 records became dead letters")
    assert folder.ask("SELECT count(*) FROM dead_letters") == 3


def test_good_records_are_no_news_and_pass_any_limit(folder: Folder) -> None:
    folder.write("a", good(3_000))
    code, log, error = folder.run("--fail-dead", "1%")
    assert (code, error) == (0, "")
    assert [line for line in log if line["level"] == "warning"] == []
    assert folder.doctor()["severity"] == "ok"


def test_one_of_two_processes_with_too_many_dead_letters_ends_both(folder: Folder) -> None:
    folder.write("a", [FRAMED] * 5_000)
    folder.write("b", good(60_000))
    flags = ("--processes", "2", "--max-epoch-bytes", "65536", "--epoch-ms", "100")
    code, _, error = folder.run("--fail-dead", "10%", *flags)
    assert code == 3
    assert "more than fail_dead = 10% allows" in error
    assert folder.ask("SELECT sum(read) FROM ledger WHERE partition = 'b'") < 60_000
    assert folder.ask("SELECT sum(dead) FROM ledger") == folder.ask("SELECT count(*) FROM dead_letters") >= 1_000
    code, _, _ = folder.run()
    assert code == 0
    assert folder.ask("SELECT sum(read) FROM ledger") == 65_000


def test_bytewaxs_own_command_keeps_the_limit_too(folder: Folder) -> None:
    folder.write("a", [FRAMED] * 3_000)
    code, _, said = folder.call(BYTEWAX, bounded="true", fail_dead="10%", log_format="json")
    assert code == 3, said
    assert "more than fail_dead = 10% allows" in said
    assert folder.ask("SELECT count(*) FROM dead_letters") >= 1_000
    code, _, said = folder.call(BYTEWAX, bounded="true", log_format="json")
    assert code == 0, said
    assert logged(said)[-1]["event"] == "ended"
    assert folder.ask("SELECT count(*) FROM dead_letters") == 3_000


def test_a_share_that_is_no_percentage_is_refused_before_anything_starts(folder: Folder) -> None:
    code, _, error = folder.run("--fail-dead", "0.1")
    assert code == 2
    assert error.startswith("error: fail_dead = '0.1': should be a percentage from 0% to below 100%, like 10%")
    assert not (folder.path / "lake").exists()
