"""Keyboard, screen readers, phones, dark and light."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.page.look import Look
from tests.page.served import ROOT, Server

VIEWS = ["ads", "overview", "pipeline", "dead-letters", "sql"]


def violations(look: Look, axe: str) -> list[dict[str, Any]]:
    # evaluated by the debugger's way in, which the page's content policy does not bind
    look.tab.evaluate(axe)
    found = look.tab.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        {
            "rule": each["id"],
            "where": [node["html"][:200] for node in each["nodes"]],
            "why": [node["failureSummary"][:300] for node in each["nodes"]],
        }
        for each in found["violations"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(look: Look, axe: str, view: str, theme: str) -> None:
    look.open(f"/?view={view}&theme={theme}&table=p2&pause=1")
    found = violations(look, axe)
    assert found == [], json.dumps(found, indent=1)


def test_dark_and_light_follow_the_system_until_chosen(look: Look) -> None:
    look.tab.emulate_media(color_scheme="dark")
    look.open("/?view=ads")
    light, dark = "rgb(245, 246, 248)", "rgb(12, 17, 23)"

    def page() -> str:
        return str(look.tab.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert page() == dark
    look.tab.emulate_media(color_scheme="light")
    look.until(lambda: page() == light, "the page follows the system")
    look["theme"].click()
    assert page() == dark
    assert look.query["theme"] == ["dark"]


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_it_all_without_scrolling_sideways(browser: Browser, served: Server, view: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True)
    context.set_default_timeout(60_000)
    try:
        look = Look(context.new_page(), served.url).open(f"/?view={view}")
        wide = look.tab.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        if view == "ads":
            box = look["figure-events_per_s"].bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 844, "the first figures are on the first screen"
        smallest = look.tab.evaluate(
            """Math.min(...[...document.querySelectorAll('main *')].filter(e => e.childElementCount === 0
               && e.textContent.trim() && !e.closest('.unseen') && e.getClientRects().length)
               .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
        )
        assert smallest >= 11
        assert look.mistakes == []
    finally:
        context.close()


def test_the_keyboard_reaches_and_uses_everything(look: Look) -> None:
    look.open("/?view=ads")
    press = look.tab.keyboard.press

    def focused() -> dict[str, str]:
        found: dict[str, str] = look.tab.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
              return {id: e.dataset.testid ?? '', text: e.innerText ?? '', role: e.getAttribute('role') ?? '',
                      outline: s.outlineStyle, ring: getComputedStyle(e.parentElement).outlineStyle}; }"""
        )
        return found

    press("Tab")
    assert "Skip" in focused()["text"]
    seen: list[dict[str, str]] = []
    for _ in range(200):
        press("Tab")
        seen.append(focused())
        if seen[-1]["id"] == "twin-p2":
            break
    reached = {each["id"] for each in seen}
    assert {"tab-ads", "tab-sql", "pause", "refresh", "theme", "last-1h", "zone", "every", "twin-p2"} <= reached
    for each in seen:
        assert "solid" in (each["outline"], each["ring"]), each
    press("Space")
    look["table-p2"].wait_for()
    assert look["twin-p2"].get_attribute("aria-pressed") == "true"
    press("Space")
    look["chart-p2"].wait_for()
    # the chart tells its values step by step
    look["chart-p2"].locator(".plot").focus()
    press("Home")
    first = look.tab.locator("[data-said]").inner_text()
    press("ArrowRight")
    assert "clicks" in first
    assert look.tab.locator("[data-said]").inner_text() != first


def test_figures_are_said_politely_and_seldom(look: Look) -> None:
    look.open("/?view=ads")
    region = look.tab.locator("[data-said]")
    assert region.get_attribute("aria-live") == "polite"
    look.until(lambda: "events per second" in region.inner_text(), "the figures are said")
    said = set()
    for _ in range(20):
        said.add(region.inner_text())
        look.tab.wait_for_timeout(400)
    assert len(said) <= 2


def test_nothing_moves_for_those_who_want_it_still(browser: Browser, served: Server) -> None:
    context = browser.new_context(reduced_motion="reduce")
    try:
        look = Look(context.new_page(), served.url)
        look.tab.goto(served.url)
        moving = look.tab.evaluate("document.getAnimations().filter(a => a.playState === 'running').length")
        assert moving == 0
    finally:
        context.close()


def test_the_page_asks_nothing_of_anybody_else(look: Look) -> None:
    asked: list[str] = []
    look.tab.on("request", lambda request: asked.append(request.url))
    for view in VIEWS:
        look.open(f"/?view={view}")
    assert asked
    assert [url for url in asked if not url.startswith((look.url, "data:"))] == []
    assert Path(ROOT / "serve" / "page" / "index.html").read_text().count("http") == 0
