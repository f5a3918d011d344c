"""The demo as somebody starts it: the page first, beside a pipeline that fills it; whoever ends it ends all of it."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from query.reader import LakeReader

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def demo(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A demo that would play for minutes, its page wanted on that port."""
    command = [sys.executable, "-c", "import run\nrun.main()", "demo", "--seconds", "300", "--serve-port", str(port)]
    command += ["--lake", f"{folder}/lake", "--recovery", f"{folder}/recovery"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def page_of(process: subprocess.Popen[str]) -> str:
    """The address that its first line has."""
    assert process.stdout is not None
    word, url = process.stdout.readline().split()
    assert word == "page:"
    assert url.endswith("/")
    return url


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
        return body.decode()


def records(page: str) -> int:
    """How many records the page would show, once there are any."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            found: int = json.loads(get(f"{page}api/v1/status"))["records"]
        except OSError:
            # there is no lake yet
            found = 0
        if found > 0:
            return found
        time.sleep(0.2)
    raise AssertionError("the page never had a record")


def test_the_page_is_served_while_it_plays_though_its_port_is_taken_and_an_interrupt_ends_it_with_answers(
    tmp_path: Path,
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with demo(tmp_path, taken) as process:
            page = page_of(process)
            assert f":{taken}/" not in page
            assert "<html" in get(page).lower()
            shown = records(page)
            findings = json.loads(get(f"{page}api/v1/doctor"))["findings"]
            process.send_signal(signal.SIGINT)
            said, wrong = process.communicate(timeout=120)
    assert (process.returncode, wrong) == (0, "")
    # the page shows what the doctor finds wrong: the demo's own source and recovery folder are looked at
    assert {"source", "recovery.agrees"} <= {each["subject"] for each in findings}
    assert [each for each in findings if each["level"] in ("warning", "wrong", "error")] == []
    assert f"tidemill serve --lake {tmp_path}/lake" in said
    with pytest.raises(OSError, match="refused"):
        get(page)
    with LakeReader(tmp_path / "lake") as reader:
        (row,) = reader.query("SELECT sum(read)::BIGINT AS records FROM ledger").to_pylist()
    assert f"the result of {row['records']:,} records" in said
    assert row["records"] >= shown


def test_who_ends_the_demo_ends_pipeline_and_server_with_it(tmp_path: Path) -> None:
    with demo(tmp_path, 0) as process:
        page = page_of(process)
        records(page)
        process.terminate()
        process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    with pytest.raises(OSError, match="refused"):
        get(page)
    # nothing holds the lake any more, and the next run goes on with it
    command = [sys.executable, "-c", "import run\nrun.main()", "run", "--source", "generator", "--bounded"]
    command += ["--generator-seconds", "1", "--lake", f"{tmp_path}/lake", "--recovery", f"{tmp_path}/recovery"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
