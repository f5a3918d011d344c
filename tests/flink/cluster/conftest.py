"""A test leaves the session's cluster without a job of its own."""

from collections.abc import Iterator

import pytest

from flink.cluster.rest import ENDED


@pytest.fixture(autouse=True)
def _no_job_goes_on(request: pytest.FixtureRequest) -> Iterator[None]:
    cluster = request.getfixturevalue("flink") if "flink" in request.fixturenames else None
    yield
    if cluster is not None:
        for job, state in cluster.jobmanager.jobs().items():
            if state not in ENDED:
                cluster.jobmanager.cancel(job)
