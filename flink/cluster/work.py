"""A job's life on a cluster: submitted, seen to run, stopped with a savepoint, gone on."""

import time
from collections.abc import Mapping, Sequence

from flink.cluster.errors import FlinkError, JobFailed
from flink.cluster.gateway import Gateway
from flink.cluster.hints import with_hint
from flink.cluster.remembered import Remembered
from flink.cluster.rest import ENDED, Job, JobManager

SETTLE_SECONDS = 180.0
"""On a quiet machine it takes three; a busy one is no reason to give up."""
SLOTS_SECONDS = 5.0
"""How long a job may wait for slots that others hold."""
_POLL_SECONDS = 0.2


def submit(
    name: str,
    statements: Sequence[str],
    settings: Mapping[str, str],
    gateway: Gateway,
    jobmanager: JobManager,
    savepoint: str | None = None,
) -> Remembered:
    """Run the statements in a session with these settings; one of them submits a job, which goes on from `savepoint`.

    Raises FlinkError when one is refused, or none submits a job.
    """
    own = {"pipeline.name": name} | ({"execution.state-recovery.path": savepoint} if savepoint else {})
    # asked first: a gateway whose cluster is gone waits a minute before it says so
    jobmanager.overview()
    try:
        answers = gateway.run(statements, {**own, **settings})
    except FlinkError as error:
        raise type(error)(with_hint([str(error)])) from None
    job = next((answer.job for answer in reversed(answers) if answer.job), None)
    if job is None:
        raise FlinkError(f"no statement of {name} submitted a job: the last one must be an INSERT or a statement set")
    return Remembered(name, gateway.url, jobmanager.url, job, tuple(statements), dict(settings), savepoint)


def settle(jobmanager: JobManager, job_id: str, timeout_seconds: float = SETTLE_SECONDS) -> Job:
    """Wait until every task runs, or the job has ended well.

    Raises JobFailed with Flink's words and the way out when it fails, and when it needs more slots than there are,
    in which case it is cancelled; FlinkError when it neither runs nor fails in time.
    """
    began = time.monotonic()
    while True:
        job = jobmanager.job(job_id)
        if job.state == "FAILED":
            raise JobFailed(failed(jobmanager, job))
        if job.ended or job.all_run:
            return job
        waited = time.monotonic() - began
        # the state of a box of which all tasks wait for slots
        if any(vertex.state in ("CREATED", "SCHEDULED") for vertex in job.vertices):
            _check_slots(jobmanager, job, waited)
        if waited > timeout_seconds:
            causes = jobmanager.failure(job_id)
            why = f" after {job.restarts} restarts; last it said: {with_hint(causes)}" if causes else ""
            raise FlinkError(
                f"the tasks of {job.name} (job {job_id}) do not all run after {timeout_seconds:.0f} s{why}. It goes on "
                "trying: `tidemill flink status` looks again, `tidemill flink cancel` ends it"
            )
        time.sleep(_POLL_SECONDS)


def _check_slots(jobmanager: JobManager, job: Job, waited_seconds: float) -> None:
    there = jobmanager.overview()
    # not Flink's own number of free slots: those that the job has got already are none of them
    others = [each for each, state in jobmanager.jobs().items() if each != job.id and state not in ENDED]
    free = max(0, there.slots - sum(jobmanager.job(each).slots for each in others))
    if there.slots >= job.slots and (waited_seconds < SLOTS_SECONDS or free >= job.slots):
        return
    if there.taskmanagers == 0 and waited_seconds < SLOTS_SECONDS:
        return
    jobmanager.cancel(job.id)
    raise JobFailed(
        f"{job.name} needs {job.slots} slots; the cluster at {jobmanager.url} has {there.slots}, {free} of "
        "them free. It was cancelled: lower its parallelism, end another job, or start the cluster with more --slots"
    )


def failed(jobmanager: JobManager, job: Job) -> str:
    """One message on a job that has failed."""
    causes = jobmanager.failure(job.id)
    return (
        f"{job.name} (job {job.id}) has failed: "
        f"{with_hint(causes) or 'Flink does not say why; its JobManager has a log'}"
    )


def finish(jobmanager: JobManager, job_id: str, timeout_seconds: float) -> Job:
    """Wait until the job has read its bounded input to the end. Raises JobFailed when it ends otherwise."""
    job = jobmanager.wait(job_id, lambda job: job.ended, timeout_seconds)
    if job.state == "FAILED":
        raise JobFailed(failed(jobmanager, job))
    if job.state != "FINISHED":
        raise JobFailed(f"{job.name} (job {job_id}) was ended by somebody: {job.state}")
    return job
