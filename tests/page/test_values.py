"""Values as the page writes them: short, whole where somebody wants them whole, and never to be mistaken for others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.page.look import Look
from tests.page.served import Server
from tests.query.lakes import LakeMaker, clicks, ledger
from tests.serve.served_lake import fill

BOARD = """
title = "Mine"
last = "30d"
[[panel]]
kind = "top"
title = "Ads"
rollup = "ad_clicks_1m"
key = "ad_id"
show = ["clicks", "spend"]
[[panel]]
kind = "windows"
title = "Newest"
rollup = "ad_clicks_1m"
top = 3
[[panel]]
kind = "figures"
show = ["freshness_ms", "dead", "last_commit_at", "watermark"]
"""
THEN = "start=2026-01-01T12:00:00Z&end=2026-01-01T12:10:00Z"
"""The minutes of the lake's windows."""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server over a lake of last January, with an ad whose name is empty and one without a name."""
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards" / "mine.toml").write_text(BOARD)
    with LakeMaker(tmp_path / "lake") as lake:
        fill(lake)
        lake.commit({"ad_clicks_1m_delta": [clicks("", 5, 2_000, "0.5")]})
        lost = {"read": 0, "accepted": 0, "lost": 1_500}
        lake.commit({"ledger": [ledger("clicks/7", 0, 1_500, None, **lost), ledger("clicks/7", 1_500, 1_510, None)]})
        server = Server(tmp_path, pipeline=tmp_path / "mine.py", lake=lake.folder)
        server.start()
        yield server
        assert server.stop() == 0, server.told()


@pytest.fixture
def page(context: BrowserContext, own: Server) -> Iterator[Look]:
    seen = Look(context.new_page(), own.url)
    yield seen
    assert seen.mistakes == []


def test_an_empty_text_is_told_from_null_and_can_be_filtered(page: Look) -> None:
    page.open(f"/?view=mine&{THEN}")
    table = f"table-{page.panel('Ads')}"
    shown = {row[0]: row[1] for row in page.rows(table)}
    assert shown["(empty text)"] == "2,000"
    assert shown["–"] == "1"
    page[table].get_by_role("button", name="(empty text)").click()
    page.until(lambda: "ad_id: (empty text)" in page["filters"].inner_text(), "the filter is shown")
    page.ready()
    page.until(lambda: len(page.rows(f"table-{page.panel('Newest')}")) == 1, "the others are filtered")
    assert page.tab.url.endswith("&key.ad_id=")


def test_the_newest_windows_are_the_newest_whatever_they_count(page: Look) -> None:
    page.open(f"/?view=mine&{THEN}")
    rows = page.rows(f"table-{page.panel('Newest')}")
    assert [row[1] for row in rows] == ["2026-01-01 12:07", "2026-01-01 12:07", "2026-01-01 12:06"]


def test_a_time_of_another_day_has_its_date(page: Look) -> None:
    page.open("/?view=mine")
    assert "newest event 1 Jan 12:07:10" in page["figure-freshness_ms"].inner_text()
    assert page["figure-watermark"].locator(".value").inner_text().startswith("1 Jan 12:0")
    assert "at 1 Jan 12:08:" in page["figure-last_commit_at"].inner_text()


NUMBERS = {
    "0.1::DOUBLE + 0.2::DOUBLE": ("0.3", "0.30000000000000004"),
    "80608365049.75::DOUBLE": ("80,608,365,050", "80608365049.75"),
    "1234.5678::DOUBLE": ("1,234.57", "1234.5678"),
    "-12.3456::DOUBLE": ("−12.346", "-12.3456"),
    "0.00123456::DOUBLE": ("0.00123", "0.00123456"),
    "7.0247358981041395e-9::DOUBLE": ("7.02e-9", "7.0247358981041395e-9"),
    "0::DOUBLE": ("0", "0"),
    "12345.675::DECIMAL(18,6)": ("12,345.68", "12345.675000"),
    "1234567": ("1,234,567", "1234567"),
}


def test_numbers_are_short_and_whole_where_pointed_at_and_where_copied(page: Look, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.open("/?view=sql")
    page["sql-text"].fill("SELECT " + ", ".join(f"{sql} AS c{at}" for at, sql in enumerate(NUMBERS)))
    page["sql-run"].click()
    page["sql-table"].wait_for()
    assert page.rows("sql-table") == [[short for short, _ in NUMBERS.values()]]
    cells = page["sql-table"].locator("tbody td")
    wholes = [whole for _, whole in NUMBERS.values()]
    assert [cell.get_attribute("title") for cell in cells.all()] == wholes
    page.tab.evaluate("getSelection().selectAllChildren(document.querySelector('[data-testid=sql-table] tbody'))")
    page.tab.keyboard.press("Control+c")
    assert page.tab.evaluate("navigator.clipboard.readText()") == "\t".join(wholes)


def test_offsets_that_were_lost_stand_beside_the_dead_and_with_their_partition(page: Look, own: Server) -> None:
    status = own.get("status")
    assert status["lost_offsets"] == 1_500
    page.open(f"/?view=mine&{THEN}")
    assert page.figure("lost_offsets") == "1500"
    shown = page["figures"].get_by_role("term").all_inner_texts()
    assert shown[shown.index("Dead letters") + 1] == "Lost unread"
    page["figure-lost_offsets"].get_by_role("link").click()
    page["partitions"].wait_for()
    heads = page["partitions"].locator("thead th").all_inner_texts()
    lost = {row[0]: row[heads.index("lost")] for row in page.rows("partitions")}
    assert lost["clicks/7"] == "1,500"
    assert {number for name, number in lost.items() if name != "clicks/7"} == {"0"}


def test_a_lake_without_a_loss_has_no_figure_of_it(look: Look) -> None:
    look.open("/?view=ads")
    look["figure-dead"].wait_for()
    assert look["figure-lost_offsets"].count() == 0
