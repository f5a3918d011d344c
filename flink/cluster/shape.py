"""How large a cluster is and where it listens, and the config.yaml that says so to Flink."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from runtime.ports import HOST

FRAMEWORK_HEAP_MB = 128
DIRECT_MB = 192
"""Memory of a TaskManager that the JVM counts as direct: Flink's own and that of the network."""
MANAGED_MB = 256
CHECKPOINT_MS = 5_000
FAILURES = 5
"""A job that fails more often within ten minutes has failed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A JobManager, `taskmanagers` TaskManagers of `slots` each, and a SQL gateway, on 127.0.0.1.

    `heap_mb` is the heap of each TaskManager, `manager_mb` those of JobManager and gateway. `light` compiles less:
    quicker to start, slower at full load.
    """

    rest_port: int
    gateway_port: int
    rpc_port: int
    blob_port: int
    taskmanagers: int = 1
    slots: int = 4
    heap_mb: int = 896
    manager_mb: int = 384
    light: bool = False

    @property
    def rest(self) -> str:
        """Address of the JobManager's REST interface."""
        return f"http://{HOST}:{self.rest_port}"

    @property
    def gateway(self) -> str:
        """Address of the SQL gateway's REST interface."""
        return f"http://{HOST}:{self.gateway_port}"

    @property
    def ports(self) -> Sequence[int]:
        """All ports that are given; TaskManagers take any that are free."""
        return (self.rest_port, self.gateway_port, self.rpc_port, self.blob_port)

    def text(self) -> str:
        """As `read_shape` reads it."""
        return json.dumps(asdict(self), indent=1)


def read_shape(text: str) -> Shape:
    """What `Shape.text` wrote."""
    return Shape(**json.loads(text))


def config_yaml(shape: Shape, folder: Path, more: Mapping[str, str]) -> str:
    """Flink's configuration for the cluster in `folder`; `more` keys stand last and win."""
    keys = _addresses(shape) | _memory(shape) | _behaviour(folder) | dict(more)
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items())


def _addresses(shape: Shape) -> dict[str, str]:
    return {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": str(shape.rpc_port),
        "jobmanager.bind-host": HOST,
        "blob.server.port": str(shape.blob_port),
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": str(shape.rest_port),
        "rest.bind-port": str(shape.rest_port),
        # without a port of its own to listen on, the gateway takes the JobManager's
        "sql-gateway.endpoint.rest.address": HOST,
        "sql-gateway.endpoint.rest.bind-address": HOST,
        "sql-gateway.endpoint.rest.port": str(shape.gateway_port),
        "sql-gateway.endpoint.rest.bind-port": str(shape.gateway_port),
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
    }


def _memory(shape: Shape) -> dict[str, str]:
    """A TaskManager that Flink's own scripts do not start computes none of these."""
    return {
        "taskmanager.numberOfTaskSlots": str(shape.slots),
        "taskmanager.cpu.cores": str(float(shape.slots)),
        "taskmanager.memory.task.heap.size": f"{shape.heap_mb - FRAMEWORK_HEAP_MB}m",
        "taskmanager.memory.framework.heap.size": f"{FRAMEWORK_HEAP_MB}m",
        "taskmanager.memory.framework.off-heap.size": f"{DIRECT_MB - 64}m",
        "taskmanager.memory.task.off-heap.size": "0m",
        "taskmanager.memory.network.min": "64m",
        "taskmanager.memory.network.max": "64m",
        "taskmanager.memory.managed.size": f"{MANAGED_MB}m",
        "taskmanager.memory.jvm-metaspace.size": "256m",
        "taskmanager.memory.jvm-overhead.min": "192m",
        "taskmanager.memory.jvm-overhead.max": "192m",
    }


def _behaviour(folder: Path) -> dict[str, str]:
    return {
        "heartbeat.interval": "2000",
        "heartbeat.timeout": "10000",
        "metrics.fetcher.update-interval": "1000",
        # a job waits for a TaskManager that comes back, instead of failing again and again in the seconds until then
        "slot.request.timeout": "300000",
        # 200 days, about as far ahead as Flink's own timers reach
        "resourcemanager.standalone.start-up-time": "17280000000",
        "io.tmp.dirs": str(folder / "tmp"),
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.dir": (folder / "checkpoints").as_uri(),
        "execution.checkpointing.savepoint-dir": (folder / "savepoints").as_uri(),
        "execution.checkpointing.interval": f"{CHECKPOINT_MS} ms",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "restart-strategy.type": "failure-rate",
        "restart-strategy.failure-rate.max-failures-per-interval": str(FAILURES),
        "restart-strategy.failure-rate.failure-rate-interval": "10 min",
        "restart-strategy.failure-rate.delay": "1 s",
    }
