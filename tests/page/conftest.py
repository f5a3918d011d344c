"""Chromium, and a lake that is written and served while the page's tests run."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from dataflow.errors import LakeError, QueryError
from query.reader import LakeReader
from tests.page.look import CHROMIUM, FLAGS, Look
from tests.page.served import ROOT, START_S, Server, pipeline_into

HERE = Path(__file__).parent
AXE = ROOT / "page" / "node_modules" / "axe-core" / "axe.min.js"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that look at the page in Chromium are marked; without it they are left out, in CI they fail."""
    for item in items:
        if item.path.is_relative_to(HERE) and "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            # several processes on whatever machine this is
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing = f"no Chromium at {CHROMIUM}; sh deploy/browser.sh installs it, or says how"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over a lake that a pipeline writes all the while; its stream began hours ago and has reached now."""
    folder = tmp_path_factory.mktemp("page")
    writing, server = pipeline_into(folder), Server(folder)
    writing.start()
    try:
        wait_until_now(server.lake, writing.told)
        server.start()
        yield server
    finally:
        if server.running is not None:
            assert server.stop() == 0, server.told()
        assert writing.stop() == 0, writing.told()


def wait_until_now(lake: Path, told: Callable[[], str]) -> None:
    """Until every source partition has events of the last seconds."""
    until = time.monotonic() + START_S
    with LakeReader(lake) as reader:
        while time.monotonic() < until:
            try:
                newest = reader.query(
                    "SELECT min(m) AS m FROM (SELECT max(max_event_time) AS m FROM ledger GROUP BY partition)"
                )
                ms = newest.column("m")[0].as_py()
                if ms is not None and datetime.now(UTC).timestamp() * 1000 - ms < 10_000:
                    return
            except (LakeError, QueryError):
                # not made yet, or without its tables
                pass
            time.sleep(0.3)
    raise AssertionError(f"the stream does not reach now: {told()}")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1360, "height": 1000}, color_scheme="light", accept_downloads=True)
    made.set_default_timeout(60_000)
    yield made
    made.close()


@pytest.fixture
def tab(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def look(tab: Page, served: Server) -> Iterator[Look]:
    """The page of the served lake; a test that ends must have seen no mistake of the page's own."""
    seen = Look(tab, served.url)
    yield seen
    assert seen.mistakes == []


@pytest.fixture(scope="package")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core's text, from where `make page` put it, else installed for this."""
    if not AXE.is_file():
        from tests.page.npm import install

        return (install(tmp_path_factory.mktemp("npm")) / "axe-core" / "axe.min.js").read_text()
    return AXE.read_text()
