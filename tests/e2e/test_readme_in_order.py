"""The README is played from its first command to its last, in one folder, on a terminal as its reader has it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from dataflow.errors import LakeMissing
from query.reader import LakeReader
from runtime.ports import free_ports
from tests.kafka_fixture import admin, require_kafka_tools
from tests.terminal import Terminal, left_standing
from tests.test_readme import FENCE, ROOT

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

PATIENCE_S = 120.0
NOT_COPIED = (
    ".git",
    ".venv*",
    ".run",
    ".hypothesis",
    ".*_cache",
    "lake",
    "recovery",
    "data",
    "demo",
    "backfill",
    "payments",
    "dist",
    "mine",
)
"""At the top of the project: what running it leaves there."""


def not_copied(folder: str, names: list[str]) -> set[str]:
    """For `shutil.copytree`; deeper down, `lake` is a package, and Kafka's jars may just be coming (`.lib*`)."""
    patterns = NOT_COPIED if Path(folder) == ROOT else ("__pycache__", "target", ".lib*")
    return {name for name in names if any(fnmatch(name, pattern) for pattern in patterns)}


RATE = ("--rate 20000", "--rate 4000")
"""The README's and the play's: what was written meanwhile is read again and again, and on a busy machine it is more."""

ENTRY = "#!{python}\nfrom run import main\nmain()\n"
GLIMPSES = {
    r"^make demo": r"The lake holds the result of [\d,]{5,} records: each counted once",
    r"^make kafka ": r"Kafka answers at 127\.0\.0\.1:",
    r"^make kafka-stop": r"Kafka stopped",
    r"^tidemill (query .*FROM ad_clicks_1m GROUP|report clicks_per_ad)": r"ad-\d{4}",
    r"^tidemill report top_campaigns": r"campaign",
    r"^tidemill query .* --format csv": r"window_start,window_end",
    r"^tidemill query .* --format json": r'"reason":',
    r"^tidemill query .* --as-of": r"\d",
    r"^tidemill snapshots": r"ads/\d \[\d",
    r"^tidemill init": r"Written: pipelines/mine\.py",
    r"^tidemill check --pipeline pipelines/mine": r"pipeline mine is correct",
    r"^tidemill report --lake mine/lake": r"_1m",
    r"^tidemill check --pipeline pipelines/ads": r"ad_clicks_1m",
    r"^tidemill recover": r"ads/3: goes on at offset \d+; (.*\n)*.* is ready",
    r"^tidemill config": r"TIDEMILL_BROKERS",
}
"""What the output of a command shows; where none of these fits, that it ends with exit code 0 is enough."""


def commands() -> list[str]:
    """Every command of the README's sh blocks, in order, without the one that runs these tests."""
    blocks = [block for language, block in FENCE.findall((ROOT / "README.md").read_text()) if language == "sh"]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]
    return [line for line in lines if not line.startswith("make test ")]


NARROW = r"^tidemill (query|report|snapshots|check|config|doctor|files)"
"""Commands whose answers fit a terminal of COLUMNS, but for paths."""

COLUMNS = 80


def runs_on(words: list[str]) -> bool:
    """Whether a command goes on until somebody stops it."""
    if words[:2] == ["tidemill", "produce"]:
        return "--count" not in words
    return is_server(words) or (is_pipeline(words) and "--bounded" not in words)


def is_server(words: list[str]) -> bool:
    return words[:2] == ["tidemill", "serve"]


def is_pipeline(words: list[str]) -> bool:
    return words[:2] == ["tidemill", "run"] or words[:3] == ["python", "-m", "bytewax.run"]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


class Player:
    """A shell in a copy of the project whose environment is ready, so that nothing has to be fetched.

    `columns`: each command is on a terminal of that width; None is no terminal at all.
    """

    def __init__(self, folder: Path, columns: int | None) -> None:
        self.folder = folder
        self.columns = columns
        shutil.copytree(ROOT, folder, symlinks=True, ignore=not_copied)
        binaries = folder / ".venv" / "bin"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / ".venv")], check=True)
        packages = next((folder / ".venv").glob("lib/python*/site-packages"))
        (packages / "project.pth").write_text(f"{folder}\n{sysconfig.get_path('purelib')}\n")
        (binaries / "tidemill").write_text(ENTRY.format(python=binaries / "python"))
        (binaries / "tidemill").chmod(0o755)
        stamps = {
            ".stamp-dev": "cat requirements.txt requirements-dev.txt | cksum",
            ".stamp-project": "cksum <pyproject.toml",
        }
        for name, command in stamps.items():
            (folder / ".venv" / name).write_bytes(subprocess.check_output(["sh", "-c", command], cwd=folder))
        port, serve_port = free_ports(2)
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_", "MAKE"))
        }
        self.environment = clean | {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "DEMO_SECONDS": "15",
            "KAFKA_PORT": str(port),
            "TIDEMILL_BROKERS": f"127.0.0.1:{port}",
            "TIDEMILL_SERVE_PORT": str(serve_port),
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.started: list[subprocess.Popen[Any]] = []
        """Those that have not ended in order."""
        self.terminals: dict[str, Terminal] = {}

    def play(self, line: str) -> str:
        """Run one line, in the background where it goes on for ever. Returns its output: all that a terminal shows."""
        words = shlex.split(line, comments=True)
        if runs_on(words):
            self.begin(line)
            return ""
        if self.columns is not None:
            terminal = Terminal(line, self.columns, folder=self.folder, environment=self.environment)
            self.started.append(terminal.child)
            assert terminal.wait(PATIENCE_S) == 0, f"{line}\n{terminal.shown}"
            assert "panicked" not in terminal.shown, terminal.shown
            self.started.remove(terminal.child)
            return terminal.shown
        done = self.popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = done.communicate(timeout=PATIENCE_S)
        assert done.returncode == 0, f"{line}\n{out}\n{err}"
        assert "panicked" not in err, err
        self.started.remove(done)
        return str(out)

    def popen(self, line: str, **how: Any) -> subprocess.Popen[Any]:
        """Start a line in a process group of its own."""
        job = subprocess.Popen(
            line, shell=True, cwd=self.folder, env=self.environment, start_new_session=True, **how
        )  # fmt: skip
        self.started.append(job)
        return job

    def begin(self, line: str) -> None:
        """Start a line that goes on, as in a terminal of its own."""
        command = f"exec {line.replace(*RATE)}"
        if self.columns is not None:
            terminal = Terminal(command, self.columns, folder=self.folder, environment=self.environment)
            self.terminals[line] = terminal
            self.running[line] = terminal.child
            self.started.append(terminal.child)
            return
        with self.log(line).open("wb") as log:
            self.running[line] = self.popen(command, stdout=log, stderr=log)

    def end(self, wanted: Callable[[list[str]], bool]) -> None:
        """^C for those that run and are wanted; each ends with exit code 0."""
        for line in [line for line in self.running if wanted(shlex.split(line, comments=True))]:
            job = self.running[line]
            assert job.poll() is None, f"{line} ended by itself\n{self.told(line)}"
            os.killpg(job.pid, signal.SIGINT)
            assert job.wait(PATIENCE_S) == 0, f"{line}\n{self.told(line)}"
            if is_pipeline(shlex.split(line, comments=True)):
                assert ("/s  read " in self.told(line)) == (self.columns is not None), self.told(line)
            del self.running[line]
            self.started.remove(job)

    def log(self, line: str) -> Path:
        return self.folder.with_name(re.sub(r"\W+", "-", line) + ".log")

    def told(self, line: str) -> str:
        """What a line that goes on has written so far."""
        return self.terminals[line].shown if line in self.terminals else self.log(line).read_text()

    def commits(self) -> int:
        """How many ledger lines with records the lake of the settings holds; 0 as long as it is being made."""
        with LakeReader(self.folder / "lake") as reader:
            try:
                snapshot = reader.snapshot()
            except LakeMissing:
                return 0
            if "ledger" not in snapshot.tables:
                return 0
            counted = snapshot.query('SELECT count(*) FILTER ("read" > 0) FROM ledger').column(0)[0].as_py()
        return int(counted)

    def wait_for_commits(self, line: str, count: int) -> None:
        """Until the pipeline that `line` began has committed so many ledger lines more than `count`."""
        deadline = time.monotonic() + PATIENCE_S
        while self.commits() < count:
            assert self.running[line].poll() is None, f"{line}\n{self.told(line)}"
            assert time.monotonic() < deadline, f"{line} commits nothing\n{self.told(line)}"
            time.sleep(0.2)

    def wait_for_topic(self, line: str) -> None:
        """Until the producer that `line` began has made its topic."""
        deadline = time.monotonic() + PATIENCE_S
        while "ads" not in admin(self.environment["TIDEMILL_BROKERS"]).list_topics(timeout=10).topics:
            assert self.running[line].poll() is None, f"{line}\n{self.told(line)}"
            assert time.monotonic() < deadline, f"{line} makes no topic\n{self.told(line)}"
            time.sleep(0.2)

    def look_at_page(self, line: str) -> None:
        """What somebody sees at the address that a server prints: the page, and nothing that is wrong."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", self.told(line))):
            assert self.running[line].poll() is None, f"{line}\n{self.told(line)}"
            assert time.monotonic() < deadline, f"{line} prints no address\n{self.told(line)}"
            time.sleep(0.2)
        assert "<html" in get(found[0])
        assert json.loads(get(f"{found[0]}/api/v1/status"))["records"] > 1000
        findings = json.loads(get(f"{found[0]}/api/v1/doctor"))["findings"]
        assert [each for each in findings if each["level"] in ("warning", "wrong", "error")] == []

    def close(self) -> None:
        """End whatever is left after a failure, wherever that came, with all that it has started itself."""
        while self.started:
            job = self.started.pop()
            with suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)
            # what it wrote is read to its end, so that nothing of it stays open
            job.communicate()
        stop = [str(self.folder / ".venv" / "bin" / "tidemill"), "kafka", "stop"]
        subprocess.run(stop, cwd=self.folder, env=self.environment, check=False)


@pytest.fixture(params=[None, COLUMNS], ids=["without a terminal", "on a terminal"])
def player(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Player]:
    require_kafka_tools()
    made = Player(tmp_path / "tidemill", request.param)
    yield made
    made.close()


# where there is no terminal, all other tests run these commands
@pytest.mark.parametrize("player", [COLUMNS], ids=["on a terminal"], indirect=True)
def test_the_readme_works_from_its_first_command_to_its_last(player: Player) -> None:
    played, started = commands(), time.monotonic()
    assert len(played) > 20
    assert [line for line in played if RATE[0] in line]
    for line in played:
        words = shlex.split(line, comments=True)
        if is_pipeline(words) or words[:2] == ["tidemill", "recover"]:
            player.end(is_pipeline)
        if words[:2] == ["make", "kafka-stop"]:
            player.end(lambda _: True)
        before = player.commits()
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)
        out = player.play(line)
        for pattern in [shown for command, shown in GLIMPSES.items() if re.search(command, line)]:
            assert re.search(pattern, out), f"{line}\n{out}"
        if player.columns is not None and re.search(NARROW, line):
            wide = [shown for shown in left_standing(out) if len(shown) > COLUMNS and "/" not in shown]
            assert not wide, f"{line}\n{out}"
        if words[:2] == ["tidemill", "produce"]:
            player.wait_for_topic(line)
        elif is_server(words):
            player.look_at_page(line)
            player.end(is_server)
        elif runs_on(words):
            player.wait_for_commits(line, before + 40)
    assert not player.running
    with (
        LakeReader(player.folder / "demo" / "lake") as demo,
        LakeReader(player.folder / "backfill" / "lake") as backfill,
    ):
        events = demo.query("SELECT count(*) FROM events").column(0)[0].as_py()
        assert backfill.query('SELECT sum("read")::BIGINT FROM ledger').column(0)[0].as_py() == events > 1000
    with LakeReader(player.folder / "lake") as lake:
        assert lake.query("SELECT DISTINCT topic FROM ledger").column(0).to_pylist() == ["ads"]


def test_what_hits_a_time_limit_is_ended_with_all_that_it_started(
    player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.PATIENCE_S", 2.0)
    deaf = "sh -c 'trap \"\" INT; sleep 600 & echo $! >pid-{}; wait'"
    with pytest.raises(subprocess.TimeoutExpired):
        player.play(deaf.format("played"))
    player.begin(deaf.format("begun"))
    pids = [player.folder / f"pid-{name}" for name in ("played", "begun")]
    while not all(path.exists() and path.read_text().endswith("\n") for path in pids):
        time.sleep(0.05)
    with pytest.raises(subprocess.TimeoutExpired):
        player.end(lambda _: True)
    player.close()
    for path in pids:
        status = Path(f"/proc/{int(path.read_text())}/stat")
        # its end may not have been taken notice of
        assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"
