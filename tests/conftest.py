"""Fixtures and settings that tests of several parts share; what a whole run must not do: leave out, or leave behind."""

import os
import signal
import uuid
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from typer.testing import CliRunner, Result

from tests import leftovers
from tests.flink_fixture import flink
from tests.kafka_fixture import kafka, own_kafka
from tests.registry_fixture import registry
from tests.side_by_side import pytest_collection_modifyitems, pytest_xdist_make_scheduler
from tests.told_at_once import tell_at_once

# A busy machine is no mistake of the code: property tests have no time limit for each example.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# A shell that runs the tests in the background has them ignore ^C, and every program they start as well; tests of
# ^C need the signal as a user's terminal would send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

__all__ = ["flink", "kafka", "own_kafka", "pytest_collection_modifyitems", "pytest_xdist_make_scheduler", "registry"]


def pytest_configure(config: pytest.Config) -> None:
    """A run that is ended from outside has told by then what failed."""
    tell_at_once(config)


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """First of all fixtures to begin, last to end."""
    run_id = uuid.uuid4().hex
    os.environ[leftovers.MARK] = run_id
    before = leftovers.entries()
    yield
    del os.environ[leftovers.MARK]
    assert leftovers.processes(run_id, patience_s=10) == []
    # Elsewhere than in CI somebody may be at work in the folder.
    if os.environ.get("CI") == "true":
        assert leftovers.entries() == before


@pytest.fixture(autouse=True)
def _logs_go_where_they_went_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands that run in this process send logs to a standard error that is closed when they end."""
    invoke = CliRunner.invoke

    def invoked(*words: Any, **options: Any) -> Result:
        try:
            return invoke(*words, **options)
        finally:
            structlog.reset_defaults()

    monkeypatch.setattr(CliRunner, "invoke", invoked)
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _signals_are_as_before() -> Iterator[None]:
    """Commands that run in this process set handlers of their own; the next test must not meet them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI=true, a test that is left out has failed."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was left out, which CI=true does not allow: {report.longrepr}"
    return report
