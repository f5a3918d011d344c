"""The tab of alerts: what stands and what was taken back, as commits bring it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.page.look import Look
from tests.page.served import Server
from tests.page.test_for_everyone import violations
from tests.query.lakes import LakeMaker
from tests.serve.served_lake import alert, fill, with_rules


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[LakeMaker]:
    with LakeMaker(tmp_path / "lake", with_rules()) as made:
        fill(made)
        made.commit({"alert_changes": [alert("a", 1), alert("a", 2), alert("top", 1, rule="dear")]})
        yield made


@pytest.fixture
def seen(lake: LakeMaker, tab: Page, tmp_path: Path) -> Iterator[Look]:
    server = Server(tmp_path, lake=lake.folder)
    server.start()
    look = Look(tab, server.url)
    try:
        yield look
        assert look.mistakes == []
    finally:
        server.stop()


def states(look: Look) -> list[tuple[str, str, str]]:
    return [(row[0], row[1], row[2]) for row in look.rows("alerts-table")]


A1, A2 = ("standing", "high", "a is busy"), ("standing, quiet", "high", "a is busy")
TOP, OVER = ("standing", "low", "top is dear"), ("retracted", "low", "top is dear")


def test_alerts_come_and_are_taken_back_as_commits_say(seen: Look, lake: LakeMaker) -> None:
    seen.open("/?view=alerts")
    assert states(seen) == [A2, A1, TOP]
    assert seen["alert-count"].inner_text() == "3 standing, 0 retracted"
    assert seen.tab.locator(".come").count() == 0
    lake.commit({"alert_changes": [alert("b", 6), alert("top", 1, 2, rule="dear")]})
    seen.until(lambda: len(states(seen)) == 4, "the commit's alert is there")
    assert states(seen) == [("standing", "high", "b is busy"), A2, A1, OVER]
    assert seen.tab.locator(".come").count() == 2
    assert seen.tab.locator("tr.over s").inner_text() == "top is dear"
    said = seen.tab.locator("[data-said]").inner_text()
    assert "standing, high: b is busy" in said
    assert "retracted, low: top is dear" in said


def test_a_choice_is_in_the_address_and_back_undoes_it(seen: Look) -> None:
    seen.open("/")
    seen["tab-alerts"].click()
    seen["alerts-table"].wait_for()
    seen.tab.get_by_role("link", name="low", exact=True).click()
    seen.until(lambda: states(seen) == [TOP], "only that severity is shown")
    assert seen.query["severity"] == ["low"]
    seen.tab.get_by_role("link", name="retracted", exact=True).click()
    seen["empty"].wait_for()
    assert seen.query["state"] == ["retracted"]
    seen.tab.go_back()
    seen.until(lambda: seen["alerts-table"].count() and states(seen) == [TOP], "back is what was before")
    # nothing of it is new
    assert seen.tab.locator(".come").count() == 0


def test_a_severity_is_told_by_a_word_and_bars_beside_its_colour(seen: Look) -> None:
    seen.open("/?view=alerts")
    full = seen.tab.locator(".severity").evaluate_all(
        "all => all.map(each => [each.innerText, each.querySelectorAll('rect[fill=currentColor]').length])"
    )
    assert full == [["high", 3], ["high", 3], ["low", 1]]


def test_an_older_snapshot_shows_the_alerts_of_then(seen: Look, lake: LakeMaker) -> None:
    lake.commit({"alert_changes": [alert("b", 6)]})
    seen.open("/?view=alerts&as_of=3")
    assert states(seen) == [A2, A1, TOP]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_alerts(seen: Look, axe: str, theme: str) -> None:
    seen.open(f"/?view=alerts&theme={theme}")
    found = violations(seen, axe)
    assert found == [], json.dumps(found, indent=1)


def test_a_lake_without_rules_has_no_such_tab(tab: Page, tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "plain") as made:
        fill(made)
        server = Server(tmp_path, lake=made.folder)
        server.start()
        try:
            look = Look(tab, server.url).open("/")
            assert look["tab-alerts"].count() == 0
            look.open("/?view=alerts")
            assert "declare one with alerts=[...]" in look["problem"].inner_text()
        finally:
            server.stop()
