"""`make screenshots`: the shipped board in Chromium, light and dark, over a lake of the last day and a half."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.page import served
from tests.page.conftest import wait_until_now
from tests.page.look import CHROMIUM, FLAGS, Look

IMAGES = served.ROOT / "docs" / "images"
MOST_BYTES = 200_000
SIZE = {"width": 1240, "height": 960}
HOURS, RATE = 50, 12


def take(server: served.Server) -> list[Path]:
    """Both pictures; they show the page once its small lines have some values."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for theme in ("light", "dark"):
            tab = browser.new_page(viewport=SIZE, color_scheme=theme)  # type: ignore[arg-type]  # one of its words
            look = Look(tab, server.url).open("/?view=ads")
            tab.wait_for_timeout(20_000)
            path = IMAGES / f"page-{theme}.png"
            tab.screenshot(path=path)
            assert look.mistakes == []
            taken.append(path)
        browser.close()
    return taken


def main() -> None:
    """Make a lake, serve it, take the pictures."""
    with tempfile.TemporaryDirectory(prefix="tidemill-screenshots-") as name:
        folder = Path(name)
        writing, server = served.pipeline_into(folder, hours=HOURS, rate=RATE), served.Server(folder)
        writing.start()
        try:
            wait_until_now(server.lake, writing.told)
            server.start()
            for path in take(server):
                print(f"{path.relative_to(served.ROOT)}  {path.stat().st_size:,} bytes")
                if path.stat().st_size > MOST_BYTES:
                    sys.exit(f"{path.name} is larger than {MOST_BYTES:,} bytes")
        finally:
            if server.running is not None:
                server.stop()
            writing.stop()


if __name__ == "__main__":
    main()
