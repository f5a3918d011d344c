"""A real Apache Kafka (KRaft) of one or three nodes on 127.0.0.1: start, stop, kill and restart its processes."""

import base64
import fcntl
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dataflow.errors import ConfigError, TidemillError
from deploy.kafka_jars import HERE, JARS, fetch_jars
from runtime.java import java_command
from runtime.ports import HOST, free_ports, is_free
from runtime.processes import is_alive, runs, send, without_stack

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

START_SECONDS = 60
STOP_SECONDS = 30
_MAIN = "kafka.Kafka"
_LIGHT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class AlreadyRuns(TidemillError):
    """A node of this data runs; it was left as it is."""


class KafkaCluster:
    """`nodes` processes, each broker and controller at once; with three, topics are kept three times, min.isr 2.

    Data, logs and pid files live under `data_dir`/node-N; a cluster that was stopped or killed goes on with
    its data when started again, also by another process. Nodes are numbered from 1.
    """

    def __init__(
        self,
        data_dir: Path,
        nodes: int = 1,
        ports: Sequence[int] | None = None,
        controller_ports: Sequence[int] | None = None,
        *,
        jars: Path = JARS,
        heap: str | None = None,
        light: bool | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing runs yet. Without `ports`, free ones are taken; `properties` are added to server.properties.

        `light` (default: with three nodes) compiles less: quicker to start, slower at full load.
        """
        if nodes not in (1, 3):
            raise ConfigError("nodes", nodes, "a cluster has 1 node, or 3 for fault tests")
        self._dir = data_dir.resolve()
        self._ports = list(ports) if ports else free_ports(nodes)
        self._controller_ports = list(controller_ports) if controller_ports else free_ports(nodes, self._ports)
        if not len(self._ports) == len(self._controller_ports) == nodes:
            raise ConfigError("ports", self._ports, f"give one port per node, {nodes} in all")
        self._jars = jars
        self._heap = heap or ("1g" if nodes == 1 else "512m")
        self._flags = _LIGHT if (nodes > 1 if light is None else light) else ()
        self._extra = dict(properties or {})
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def nodes(self) -> list[int]:
        """The node numbers, from 1."""
        return list(range(1, len(self._ports) + 1))

    @property
    def bootstrap(self) -> str:
        """What clients connect to: host:port of every node, comma between."""
        return ",".join(f"{HOST}:{port}" for port in self._ports)

    def start(self, *, log: IO[bytes] | None = None) -> None:
        """Format what is new, start every node and wait until all answer a metadata request.

        The nodes' output goes to `log`, or to server.log beside their data. Raises TidemillError with the fix
        when a tool is missing, a port is taken or a node ends at once; then nothing that it started is left running,
        and what ran before still does. A start of the same data by another process is waited for first.
        """
        fetch_jars(self._jars)
        with self._one_start_at_a_time():
            self._start(log)

    def _start(self, log: IO[bytes] | None) -> None:
        for node in self.nodes:
            if self.pid(node) is not None:
                raise AlreadyRuns(f"Kafka node {node} in {self._dir} runs already: `tidemill kafka stop` first")
        for port in (*self._ports, *self._controller_ports):
            if not is_free(port):
                raise ConfigError(
                    "port", port, f"something listens on {HOST}:{port} already; stop it, or choose a --port"
                )
        try:
            for node in self.nodes:
                self._launch(node, log)
            self.wait_ready()
        except BaseException:
            self.stop_started(timeout_seconds=2)
            raise

    def stop_started(self, timeout_seconds: float = STOP_SECONDS) -> None:
        """As `stop`, for nodes that this object started alone."""
        self._stop({node: child.pid for node, child in self._children.items()}, timeout_seconds)

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> bool:
        """End every node: SIGTERM, and SIGKILL for what still runs after the timeout. False when none ran."""
        running = {node: pid for node in self.nodes if (pid := self.pid(node)) is not None}
        self._stop(running, timeout_seconds)
        return bool(running)

    def _stop(self, running: Mapping[int, int], timeout_seconds: float) -> None:
        for pid in running.values():
            send(pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout_seconds
        for node, pid in running.items():
            while self._runs(node, pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            if self._runs(node, pid):
                send(pid, signal.SIGKILL)
            self._reap(node, pid)

    def kill(self, node: int) -> None:
        """End one node with SIGKILL: no flush, no goodbye."""
        pid = self.pid(node)
        if pid is not None:
            send(pid, signal.SIGKILL)
            self._reap(node, pid)

    def restart(self, node: int, *, wait: bool = True) -> None:
        """Start one node that was killed or stopped, with its data; waits until the whole cluster answers."""
        if self.pid(node) is None:
            self._launch(node, None)
        if wait:
            self.wait_ready()

    def pid(self, node: int) -> int | None:
        """Process id of a running node, from its pid file; None when it does not run."""
        child = self._children.get(node)
        if child is not None:
            return child.pid if child.poll() is None else None
        try:
            pid = int(self._pid_file(node).read_text())
        except (OSError, ValueError):
            return None
        return pid if runs(pid, _MAIN, str(self._properties_file(node))) else None

    def ports_are_free(self) -> bool:
        """Whether nothing listens where clients would connect to."""
        return all(map(is_free, self._ports))

    def address(self, node: int) -> str | None:
        """host:port of a node as it was started last, also by another process; None when it never was."""
        try:
            listeners = self._properties_file(node).read_text().partition("\nlisteners=PLAINTEXT://")[2]
        except OSError:
            return None
        return listeners.partition(",")[0] or None

    def wait_ready(self, timeout_seconds: float = START_SECONDS) -> None:
        """Wait until every node itself answers with the metadata of all; TidemillError when one ended or time is up."""
        from confluent_kafka.admin import AdminClient

        deadline = time.monotonic() + timeout_seconds
        for node in self.nodes:
            quiet = {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200}
            admin = AdminClient({"bootstrap.servers": f"{HOST}:{self._ports[node - 1]}", **quiet})
            while not self._answers(admin):
                if self.pid(node) is None:
                    raise TidemillError(
                        f"Kafka node {node} ended at once; its log {self._log_file(node)} says:\n{self._tail(node)}"
                    )
                if time.monotonic() > deadline:
                    raise TidemillError(
                        f"Kafka node {node} at {HOST}:{self._ports[node - 1]} is silent for {timeout_seconds:.0f} s; "
                        f"its log is {self._log_file(node)}"
                    )
                time.sleep(0.05)

    def _answers(self, admin: "AdminClient") -> bool:
        from confluent_kafka import KafkaException

        try:
            return set(admin.list_topics(timeout=1).brokers) == set(self.nodes)
        except KafkaException:
            return False

    def wait_ended(self) -> int:
        """Wait until any node that this object started ends; gives its exit code."""
        while True:
            for child in self._children.values():
                code = child.poll()
                if code is not None:
                    return code
            time.sleep(0.1)

    @contextmanager
    def _one_start_at_a_time(self) -> Iterator[None]:
        """Two starts at once would both find nothing running, and the second take over the first one's pid file."""
        self._dir.mkdir(parents=True, exist_ok=True)
        with (self._dir / "start.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _launch(self, node: int, log: IO[bytes] | None) -> None:
        home = self._home(node)
        home.mkdir(parents=True, exist_ok=True)
        self._properties_file(node).write_text(self._server_properties(node))
        if not (home / "data" / "meta.properties").exists():
            self._format(node)
        with self._log_file(node).open("ab") as own_log:
            child = subprocess.Popen(
                [
                    *self._java(f"-Xmx{self._heap}", f"-Xms{self._heap}", *self._flags),
                    _MAIN,
                    str(self._properties_file(node)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log or own_log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=home,
            )
        self._children[node] = child
        self._pid_file(node).write_text(f"{child.pid}\n")

    def _format(self, node: int) -> None:
        tool = subprocess.run(
            [
                *self._java("-Xmx128m", *_LIGHT),
                "kafka.tools.StorageTool",
                *("format", "--ignore-formatted", "-t", self._cluster_id(), "-c", str(self._properties_file(node))),
            ],
            capture_output=True,
            text=True,
        )
        if tool.returncode != 0:
            said = without_stack(tool.stdout + tool.stderr)
            raise TidemillError(f"Kafka could not format {self._home(node)}: is it writable, the disk full?\n{said}")

    def _cluster_id(self) -> str:
        # 16 bytes in URL-safe base64, one id for all nodes, kept so that restarts agree; a leading "-" reads as a flag.
        file = self._dir / "cluster.id"
        if not file.exists():
            file.write_text("T" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22])
        return file.read_text().strip()

    def _java(self, *flags: str) -> list[str]:
        return [
            java_command(),
            *flags,
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
            "-cp",
            f"{self._jars}/*",
        ]

    def _server_properties(self, node: int) -> str:
        port, controller_port = self._ports[node - 1], self._controller_ports[node - 1]
        copies = len(self.nodes)
        voters = zip(self.nodes, self._controller_ports, strict=True)
        in_sync = 1 if copies == 1 else 2
        lines = {
            "process.roles": "broker,controller",
            "node.id": str(node),
            "controller.quorum.voters": ",".join(f"{n}@{HOST}:{p}" for n, p in voters),
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self._home(node) / "data"),
            "default.replication.factor": str(copies),
            "min.insync.replicas": str(in_sync),
            "offsets.topic.replication.factor": str(copies),
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": str(copies),
            "transaction.state.log.min.isr": str(in_sync),
            "transaction.state.log.num.partitions": "4",
            "transaction.max.timeout.ms": "3600000",
            "share.coordinator.state.topic.replication.factor": str(copies),
            "share.coordinator.state.topic.min.isr": str(in_sync),
            "broker.heartbeat.interval.ms": "500",
            "broker.session.timeout.ms": "3000",
            "group.initial.rebalance.delay.ms": "0",
            "log.retention.ms": "-1",
            "auto.create.topics.enable": "false",
        }
        return "".join(f"{key}={value}\n" for key, value in (lines | self._extra).items())

    def _home(self, node: int) -> Path:
        return self._dir / f"node-{node}"

    def _properties_file(self, node: int) -> Path:
        return self._home(node) / "server.properties"

    def _pid_file(self, node: int) -> Path:
        return self._home(node) / "pid"

    def _log_file(self, node: int) -> Path:
        return self._home(node) / "server.log"

    def _tail(self, node: int) -> str:
        return without_stack(self._log_file(node).read_text(errors="replace"))

    def _runs(self, node: int, pid: int) -> bool:
        """Whether the process that was node `node` is still there; one that only waits for its parent is not."""
        child = self._children.get(node)
        return child.poll() is None if child is not None else is_alive(pid)

    def _reap(self, node: int, pid: int) -> None:
        while self._runs(node, pid):
            time.sleep(0.02)
        self._children.pop(node, None)
        self._pid_file(node).unlink(missing_ok=True)
