"""A real Apache Flink on 127.0.0.1: JobManager, TaskManagers and SQL gateway, started, killed, started again, ended."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dataflow.errors import ConfigError, TidemillError
from flink.cluster.errors import AlreadyRuns, FlinkError
from flink.cluster.gateway import Gateway
from flink.cluster.jars import HERE, JARS, flink_jars
from flink.cluster.rest import JobManager
from flink.cluster.shape import DIRECT_MB, Shape, config_yaml, read_shape
from flink.cluster.wire import causes, first_trace
from runtime.java import java_command
from runtime.ports import HOST, free_ports, is_free
from runtime.processes import is_alive, runs, send, without_stack

START_SECONDS = 180
"""On a quiet machine it takes fifteen."""
STOP_SECONDS = 30
JOBMANAGER, GATEWAY = "jobmanager", "gateway"
_MAINS = {
    JOBMANAGER: "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
    GATEWAY: "org.apache.flink.table.gateway.SqlGateway",
}
_TASKMANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_LIGHT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_OPENS = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in (
        *("java.lang", "java.lang.reflect", "java.io", "java.net", "java.nio", "sun.nio.ch", "java.text", "java.time"),
        *("java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks"),
    )
)
"""What Flink's own scripts open to it."""


_STARTED: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children, by process id, whichever object started them: they outlive it, and only we can see them off."""


def new_shape(rest_port: int = 0, gateway_port: int = 0, *, light: bool = False) -> Shape:
    """A small shape; ports that are not given, or 0, are free now."""
    free = free_ports(4, (rest_port, gateway_port))
    return Shape(rest_port or free[0], gateway_port or free[1], free[2], free[3], light=light)


class FlinkCluster:
    """The processes of one folder: configuration, pid files, logs, checkpoints and savepoints are below it.

    A cluster that was stopped or killed starts again in its folder, also from another process; its jobs are gone then,
    and go on from a savepoint or a checkpoint.
    """

    def __init__(
        self, folder: Path, shape: Shape | None = None, *, jars: Path = JARS, more: Mapping[str, str] | None = None
    ) -> None:
        """Nothing runs yet. Without a shape, that of the last start in this folder holds; `more` are keys of Flink's
        configuration.
        """
        self._folder = folder.resolve()
        self._shape = shape or self._last_shape()
        self._jars = jars
        self._more = dict(more or {})

    @property
    def folder(self) -> Path:
        """Where all of it is kept."""
        return self._folder

    @property
    def shape(self) -> Shape:
        """Sizes and addresses; FlinkError when there was never a start here."""
        if self._shape is None:
            raise FlinkError(f"no Flink cluster was started in {self._folder}: `tidemill flink up` starts one")
        return self._shape

    @property
    def started_once(self) -> bool:
        """Whether there was a start in this folder, by whomever."""
        return self._shape_file.exists()

    @property
    def names(self) -> list[str]:
        """The processes: jobmanager, taskmanager-1 and so on, gateway."""
        return [JOBMANAGER, *self.taskmanagers, GATEWAY]

    @property
    def taskmanagers(self) -> list[str]:
        """Those of them that run the jobs' tasks."""
        return [f"taskmanager-{number}" for number in range(1, self.shape.taskmanagers + 1)]

    @property
    def jobmanager(self) -> JobManager:
        """A client of the JobManager."""
        return JobManager(self.shape.rest)

    @property
    def gateway(self) -> Gateway:
        """A client of the SQL gateway."""
        return Gateway(self.shape.gateway)

    def start(self) -> None:
        """Start every process and wait until all slots are there and the gateway answers.

        Raises TidemillError with the fix when a tool is missing, a port is taken or a process ends at once; then
        nothing that it started is left running. AlreadyRuns when any process of this folder runs.
        """
        flink_jars(self._jars).fetch()
        with self._one_start_at_a_time():
            self._start()

    def _start(self) -> None:
        last = FlinkCluster(self._folder) if self.started_once else self
        living = {name: pid for name in last.names if (pid := last.pid(name)) is not None}
        if living:
            named = ", ".join(f"{name} is process {pid}" for name, pid in living.items())
            raise AlreadyRuns(f"Flink of {self._folder} runs already ({named}): `tidemill flink down` first")
        for port in self.shape.ports:
            if not is_free(port):
                raise ConfigError(
                    "port", port, f"something listens on {HOST}:{port} already; stop it, or choose another"
                )
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        for name in ("conf", "tmp", "checkpoints", "savepoints"):
            (self._folder / name).mkdir(exist_ok=True)
        (self._folder / "conf" / "config.yaml").write_text(config_yaml(self.shape, self._folder, self._more))
        self._shape_file.write_text(self.shape.text())
        try:
            for name in self.names:
                self._launch(name)
            self.wait_ready()
        except BaseException:
            self.stop(timeout_seconds=2)
            raise

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> bool:
        """End every process: SIGTERM, and SIGKILL for what still runs after the timeout. False when none ran."""
        running = {name: pid for name in reversed(self.names) if (pid := self.pid(name)) is not None}
        for pid in running.values():
            send(pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout_seconds
        for name, pid in running.items():
            while _lives(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            if _lives(pid):
                send(pid, signal.SIGKILL)
            self._reap(name, pid)
        return bool(running)

    def kill(self, name: str) -> None:
        """End one process with SIGKILL: no flush, no goodbye."""
        pid = self.pid(name)
        if pid is not None:
            send(pid, signal.SIGKILL)
            self._reap(name, pid)

    def restart(self, name: str, *, wait: bool = True) -> None:
        """Start one process that was killed or has ended; waits until the whole cluster answers."""
        if self.pid(name) is None:
            self._launch(name)
        if wait:
            self.wait_ready()

    def restart_missing(self) -> list[str]:
        """Start again what was killed or has ended, and wait until the whole cluster answers; gives their names."""
        with self._one_start_at_a_time():
            missing = [name for name in self.names if self.pid(name) is None]
            for name in missing:
                self._launch(name)
            self.wait_ready()
        return missing

    def pid(self, name: str) -> int | None:
        """Process id of a running process, from its pid file; None when it does not run."""
        try:
            pid = int(self._pid_file(name).read_text())
        except (OSError, ValueError):
            return None
        # what has just begun has no words yet
        return pid if (_lives(pid) if pid in _STARTED else runs(pid, self._mark(name))) else None

    def log_file(self, name: str) -> Path:
        """Where a process writes what it does."""
        return self._folder / name / "log"

    def wait_ready(self, timeout_seconds: float = START_SECONDS) -> None:
        """Wait until all slots are there and the gateway answers; TidemillError when a process ended or time is up."""
        deadline = time.monotonic() + timeout_seconds
        while (waited_for := self._silent()) is not None:
            for name in self.names:
                if self.pid(name) is None:
                    raise TidemillError(
                        f"Flink's {name} ended at once; its log {self.log_file(name)} says:\n{self._tail(name)}"
                    )
            if time.monotonic() > deadline:
                raise TidemillError(
                    f"Flink's {waited_for} is not ready after {timeout_seconds:.0f} s; "
                    f"its log is {self.log_file(waited_for)}"
                )
            time.sleep(0.1)

    def _silent(self) -> str | None:
        """A process that is not ready yet."""
        try:
            overview = self.jobmanager.overview()
        except FlinkError:
            return JOBMANAGER
        if overview.slots < self.shape.slots * self.shape.taskmanagers:
            return self.taskmanagers[-1]
        try:
            self.gateway.version()
        except FlinkError:
            return GATEWAY
        return None

    @contextmanager
    def _one_start_at_a_time(self) -> Iterator[None]:
        """Two starts at once would both find nothing running, and the second take over the first one's pid files."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "start.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _launch(self, name: str) -> None:
        home = self._folder / name
        home.mkdir(parents=True, exist_ok=True)
        where = {"CONF": self._folder / "conf", "LIB": self._jars, "OPT": self._folder / "conf"}
        for file in (self._output_file(name), self.log_file(name)):
            # that of the start before stays, too: it may say why there was another one
            if file.exists():
                file.replace(file.with_suffix(".before"))
        with self._output_file(name).open("ab") as output:
            child = subprocess.Popen(
                self._command(name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=home,
                env=os.environ | {f"FLINK_{key}_DIR": str(value) for key, value in where.items()},
            )
        _STARTED[child.pid] = child
        self._pid_file(name).write_text(f"{child.pid}\n")

    def _command(self, name: str) -> list[str]:
        main, flags = _MAINS.get(name, _TASKMANAGER), (f"-Xmx{self.shape.manager_mb}m", *_LIGHT)
        words = [] if name == GATEWAY else ["--configDir", str(self._folder / "conf")]
        if name == JOBMANAGER:
            words += ["--executionMode", "cluster"]
        elif name != GATEWAY:
            own = _LIGHT if self.shape.light else ("-XX:+UseG1GC",)
            flags = (f"-Xmx{self.shape.heap_mb}m", f"-XX:MaxDirectMemorySize={DIRECT_MB}m", *own)
        return [
            java_command(),
            *flags,
            *_OPENS,
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={self._folder / 'tmp'}",
            f"-Dlog4j.configurationFile={HERE / 'log4j2.properties'}",
            self._mark(name),
            "-cp",
            f"{self._jars}/*",
            main,
            *words,
        ]

    def _mark(self, name: str) -> str:
        """A word of its command line that no other process has."""
        return f"-Dlog.file={self.log_file(name)}"

    @property
    def _shape_file(self) -> Path:
        return self._folder / "cluster.json"

    def _last_shape(self) -> Shape | None:
        try:
            return read_shape(self._shape_file.read_text())
        except OSError:
            return None

    def _pid_file(self, name: str) -> Path:
        return self._folder / name / "pid"

    def _output_file(self, name: str) -> Path:
        return self._folder / name / "output"

    def _tail(self, name: str) -> str:
        files = (self._output_file(name), self.log_file(name))
        said = "\n".join(file.read_text(errors="replace") for file in files if file.exists())
        return "\n".join(causes(first_trace(said))) or without_stack(said)

    def _reap(self, name: str, pid: int) -> None:
        while _lives(pid):
            time.sleep(0.02)
        _STARTED.pop(pid, None)
        self._pid_file(name).unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    child = _STARTED.get(pid)
    return child.poll() is None if child is not None else is_alive(pid)
