"""A real `tidemill serve` and a real pipeline that writes, each a process of its own, for the tests of the page."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2

from runtime.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = ROOT / "pipelines" / "ads.py"
HOURS = 2
RATE = 40
START_S = 120.0
STOP_S = 60.0


class Process:
    """A command of Tidemill that runs until it is stopped."""

    def __init__(self, arguments: Sequence[str], log: Path, **environment: str) -> None:
        self.arguments, self.log, self.environment = list(arguments), log, environment
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.running = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> int:
        assert self.running is not None
        if self.running.poll() is None:
            self.running.send_signal(signal.SIGTERM)
        try:
            return self.running.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
            raise AssertionError(f"did not end: {self.arguments}\n{self.told()}") from None

    def told(self) -> str:
        return self.log.read_text()[-4_000:]


class Server(Process):
    """`tidemill serve` over a lake, on one port however often it is started."""

    def __init__(self, folder: Path, *, pipeline: Path = PIPELINE, lake: Path | None = None, **settings: str) -> None:
        self.lake = lake or folder / "lake"
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        arguments = ["run", "serve", "--lake", str(self.lake), "--recovery", str(folder / "recovery")]
        arguments += ["--source", "generator", "--pipeline", str(pipeline), "--serve-port", str(self.port)]
        super().__init__(arguments, folder / f"serve-{self.port}.log", **settings)

    def start(self) -> None:
        super().start()
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self.running is not None
            assert self.running.poll() is None, self.told()
            try:
                httpx2.get(f"{self.url}/livez", timeout=5)
                return
            except httpx2.TransportError:
                time.sleep(0.1)
        raise AssertionError(f"does not answer\n{self.told()}")

    def get(self, path: str, **headers: str) -> Any:
        """The JSON of an answer of the API."""
        answer = httpx2.get(f"{self.url}/api/v1/{path}", timeout=60, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


def pipeline_into(folder: Path, *, hours: int = HOURS, rate: int = RATE) -> Process:
    """The made-up stream of the last hours, and then as time goes on."""
    arguments = ["tests.page.history", str(hours), "--source", "generator", "--generator-rate", str(rate)]
    arguments += ["--pipeline", str(PIPELINE), "--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
    return Process([*arguments, "--epoch-ms", "1000", "--log-level", "error", "--quiet"], folder / "run.log")
