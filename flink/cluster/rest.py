"""Flink's JobManager by its REST interface: what runs, how it goes, savepoints, ends."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flink.cluster.errors import FlinkError, Refused
from flink.cluster.wire import Wire, causes

SAVEPOINT_SECONDS = 300.0
ENDED = ("FINISHED", "CANCELED", "FAILED")
_POLL_SECONDS = 0.1
_HINT = "`tidemill flink up` starts a cluster, --rest names another one"


@dataclass(frozen=True, slots=True)
class Overview:
    """What a cluster has."""

    taskmanagers: int
    slots: int
    free_slots: int
    version: str


@dataclass(frozen=True, slots=True)
class Vertex:
    """One box of a job's plan, and the records of all its tasks since they started last."""

    name: str
    parallelism: int
    state: str
    records_in: int
    records_out: int


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """`last_path` is where the last completed one is, from which a job can go on."""

    completed: int
    failed: int
    last_path: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """A job now. `state` is Flink's own word: RUNNING, RESTARTING, FINISHED, CANCELED, FAILED ..."""

    id: str
    name: str
    state: str
    running_s: float
    restarts: int
    vertices: tuple[Vertex, ...]
    checkpoints: Checkpoints

    @property
    def ended(self) -> bool:
        """Whether it will do nothing more."""
        return self.state in ENDED

    @property
    def all_run(self) -> bool:
        """Whether each of its tasks runs or is done."""
        return bool(self.vertices) and all(vertex.state in ("RUNNING", "FINISHED") for vertex in self.vertices)

    @property
    def slots(self) -> int:
        """How many slots it needs."""
        return max((vertex.parallelism for vertex in self.vertices), default=0)


class JobManager:
    """The JobManager at one address; nothing is asked before a method is called. All raise Unreachable and Refused."""

    def __init__(self, url: str) -> None:
        """Raises ConfigError when it is no address."""
        self._wire = Wire(url, "--rest", "Flink JobManager", _HINT)
        self.url = self._wire.url

    def overview(self) -> Overview:
        """What the cluster has now."""
        told = self._wire.get("/overview")
        return Overview(
            told["taskmanagers"], told["slots-total"], told["slots-available"], told.get("flink-version", "")
        )

    def jobs(self) -> dict[str, str]:
        """The state of each job that it knows, by id."""
        return {str(job["id"]): str(job["status"]) for job in self._wire.get("/jobs")["jobs"]}

    def job(self, job_id: str) -> Job:
        """One job. Raises FlinkError where the cluster does not know it."""
        path = f"/jobs/{job_id}"
        with self._known(job_id):
            told = self._wire.get(path)
        counted = self._wire.get(f"{path}/checkpoints")
        restarts = self._wire.get(f"{path}/metrics?get=numRestarts")
        last = (counted.get("latest") or {}).get("completed") or {}
        counts = counted.get("counts") or {}
        return Job(
            str(told["jid"]),
            str(told["name"]),
            str(told["state"]),
            max(0, int(told["duration"])) / 1000,
            int(restarts[0]["value"]) if restarts else 0,
            tuple(_vertex(vertex) for vertex in told["vertices"]),
            Checkpoints(counts.get("completed", 0), counts.get("failed", 0), last.get("external_path")),
        )

    def failure(self, job_id: str) -> tuple[str, ...]:
        """Why the job failed last, the innermost cause last; nothing when it never did."""
        history = self._wire.get(f"/jobs/{job_id}/exceptions").get("exceptionHistory") or {}
        entries = history.get("entries") or []
        return causes(str(entries[0]["stacktrace"])) if entries else ()

    def wait(self, job_id: str, until: Callable[[Job], bool], timeout_seconds: float) -> Job:
        """The job as soon as `until` holds or it has ended. Raises FlinkError when time is up."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            job = self.job(job_id)
            if until(job) or job.ended:
                return job
            if time.monotonic() > deadline:
                raise FlinkError(f"job {job_id} is still {job.state} after {timeout_seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def cancel(self, job_id: str) -> None:
        """End the job without a savepoint, and wait until it has."""
        with self._known(job_id):
            self._wire.patch(f"/jobs/{job_id}?mode=cancel")
        self._until_ended(job_id, ENDED)

    def savepoint(self, job_id: str, folder: str | None = None) -> str:
        """Write a savepoint and give its path; the job goes on. Without a folder, the cluster's own is used."""
        return self._saved(job_id, "savepoints", {"cancel-job": False, "target-directory": folder})

    def stop(self, job_id: str, folder: str | None = None, *, drain: bool = False) -> str:
        """End the job with a savepoint and give its path. `drain` closes all windows first: nothing can go on then."""
        path = self._saved(job_id, "stop", {"drain": drain, "targetDirectory": folder})
        self._until_ended(job_id, ENDED)
        return path

    @contextmanager
    def _known(self, job_id: str) -> Iterator[None]:
        try:
            yield
        except Refused as error:
            if error.status != 404:
                raise
            raise FlinkError(
                f"the cluster at {self.url} knows no job {job_id}: it was started anew since, or forgot a job that "
                "ended long ago"
            ) from None

    def _until_ended(self, job_id: str, states: Collection[str]) -> None:
        self.wait(job_id, lambda job: job.state in states, SAVEPOINT_SECONDS)

    def _saved(self, job_id: str, how: str, asked: dict[str, object]) -> str:
        body = {key: value for key, value in asked.items() if value is not None}
        with self._known(job_id):
            # of a job that it does not know, Flink says so only in the answer to the request for the savepoint
            self._wire.get(f"/jobs/{job_id}")
        request = self._wire.post(f"/jobs/{job_id}/{how}", body)["request-id"]
        deadline = time.monotonic() + SAVEPOINT_SECONDS
        while True:
            told: Any = self._wire.get(f"/jobs/{job_id}/savepoints/{request}")
            if told["status"]["id"] == "COMPLETED":
                break
            if time.monotonic() > deadline:
                raise FlinkError(f"no savepoint of job {job_id} after {SAVEPOINT_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        operation = told["operation"]
        if "location" not in operation:
            failed = ": ".join(causes(str(operation["failure-cause"]["stack-trace"])))
            raise FlinkError(f"no savepoint of job {job_id} was written: {failed}")
        return str(operation["location"])


def _vertex(told: Any) -> Vertex:
    metrics = told["metrics"]
    return Vertex(
        str(told["name"]),
        int(told["parallelism"]),
        str(told["status"]),
        int(metrics["read-records"]),
        int(metrics["write-records"]),
    )
