"""The page as somebody sees and uses it in Chromium."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PATIENCE_S = 180.0

_EXPECTED = ("Failed to load resource", "net::ERR_")
"""Chromium's own words for an answer that is an error, which the page tells in its own way."""


class Look:
    """One tab. `mistakes`: what the page threw, or was not allowed to do by its content policy."""

    def __init__(self, tab: Page, url: str) -> None:
        self.tab, self.url = tab, url
        self.mistakes: list[str] = []
        tab.on("pageerror", lambda error: self.mistakes.append(str(error)))
        tab.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_EXPECTED):
            self.mistakes.append(message.text)

    def open(self, path: str = "/") -> "Look":
        self.tab.goto(self.url + path)
        return self.ready()

    def ready(self) -> "Look":
        """Wait until all that the view shows has come."""
        self.until(lambda: self.tab.evaluate("window.__ready === true"), "the page is ready")
        return self

    def until(self, is_so: Callable[[], Any], what: str) -> Any:
        """Wait for something to become true; the page's content policy allows no other way."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = is_so()
            if found:
                return found
            self.tab.wait_for_timeout(100)
        raise AssertionError(f"not within {PATIENCE_S:g} s: {what}\n{self.tab.inner_text('body')[:2000]}")

    def __getitem__(self, test_id: str) -> Locator:
        return self.tab.get_by_test_id(test_id)

    @property
    def query(self) -> dict[str, list[str]]:
        """What the address says."""
        return parse_qs(urlsplit(self.tab.url).query)

    def panel(self, title: str) -> str:
        """The id of the panel with this title."""
        box = self.tab.locator("article.panel", has=self.tab.get_by_role("heading", name=title, exact=True))
        return (box.get_attribute("data-testid") or "").removeprefix("panel-")

    def rows(self, table: str) -> list[list[str]]:
        """The texts of a table's cells, without the head."""
        script = "table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
        found: list[list[str]] = self[table].evaluate(script)
        return found

    def figure(self, name: str) -> str:
        """The exact value that a figure stands for."""
        return self[f"figure-{name}"].get_attribute("data-value") or ""
