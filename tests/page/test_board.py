"""What a board shows is what the API says is what the lake holds; choices are links, and Back undoes them."""

import time
from decimal import Decimal
from typing import Any

from query.reader import LakeReader
from tests.page.look import Look
from tests.page.served import Server

CLICKS = """
SELECT ad_id, count(*) AS clicks, sum(cost) AS spend FROM events
WHERE event_type = 'click' AND NOT EXISTS (
  FROM late_events l WHERE l.rollup = 'ad_clicks_1m' AND l.partition = events.partition AND l."offset" = events."offset"
) AND event_time >= make_timestamp($start_us) AND event_time < make_timestamp($end_us)
GROUP BY ad_id ORDER BY clicks DESC, ad_id NULLS LAST
"""
"""Clicks by ad, counted from the events one by one."""

TOP = "Clicks per ad in the last 5 minutes"


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("$", "").replace("−", "-"))


def recount(server: Server, snapshot: int, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
    with LakeReader(server.lake) as reader:
        at = reader.snapshot(snapshot)
        found: list[dict[str, Any]] = at.query(
            CLICKS, parameters={"start_us": start_ms * 1000, "end_us": end_ms * 1000}
        ).to_pylist()
    return found


def a_snapshot(server: Server) -> int:
    return int(server.get("status")["snapshot"]["id"])


def a_past(server: Server, minutes: int = 30) -> tuple[int, int]:
    """[start, end) ms of whole minutes that are long over."""
    end_ms = (int(_ms(server.get("status")["newest_event_at"])) // 60_000 - 10) * 60_000
    return end_ms - minutes * 60_000, end_ms


def _ms(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def _iso(ms: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_the_table_shows_what_the_api_says_and_a_recount_finds(look: Look, served: Server) -> None:
    snapshot = a_snapshot(served)
    start, end = a_past(served)
    look.open(f"/?view=ads&as_of={snapshot}&start={_iso(start)}&end={_iso(end)}")
    five = (end - 300_000, end)
    api = served.get(
        f"reports/ad_clicks_1m?as_of={snapshot}&start={_iso(five[0])}&end={_iso(five[1])}&total=true&group=ad_id&by=clicks&top=10"
    )["rows"]
    counted = recount(served, snapshot, *five)[:10]
    shown = look.rows(f"table-{look.panel(TOP)}")
    assert len(shown) == 10
    assert [(ad, number(clicks), number(spend)) for ad, clicks, spend in shown] == [
        (row["ad_id"], row["clicks"], round(Decimal(row["spend"]), 2)) for row in api
    ]
    assert [(row["ad_id"], row["clicks"], Decimal(row["spend"])) for row in api] == [
        (row["ad_id"], row["clicks"], row["spend"]) for row in counted
    ]


def test_the_table_of_a_chart_adds_up_to_a_recount(look: Look, served: Server) -> None:
    snapshot = a_snapshot(served)
    start, end = a_past(served)
    look.open(f"/?view=ads&as_of={snapshot}&start={_iso(start)}&end={_iso(end)}")
    panel = look.panel("Clicks per minute")
    look[f"twin-{panel}"].click()
    rows = look.rows(f"table-{panel}")
    assert len(rows) == 30
    assert sum(number(clicks) for _, clicks, _ in rows) == sum(
        row["clicks"] for row in recount(served, snapshot, start, end)
    )


def test_figures_are_those_of_the_api(look: Look, served: Server) -> None:
    snapshot = a_snapshot(served)
    look.open(f"/?view=ads&as_of={snapshot}")
    status = served.get(f"status?as_of={snapshot}")
    for name in ("late", "dead", "last_commit_at"):
        assert look.figure(name) == str(status[name]), name
    assert number(look["figure-dead"].locator("dd.value").inner_text()) == status["dead"]
    with LakeReader(served.lake) as reader:
        dead = reader.snapshot(snapshot).query("SELECT count(*) AS n FROM dead_letters").column("n")[0].as_py()
    assert dead == status["dead"] > 0


def test_a_click_on_a_key_filters_all_that_has_it_and_back_undoes_it(look: Look, served: Server) -> None:
    snapshot = a_snapshot(served)
    start, end = a_past(served)
    look.open(f"/?view=ads&as_of={snapshot}&start={_iso(start)}&end={_iso(end)}&table=p2")
    before = look.rows("table-p2")
    (first, second), *_ = [(row[0], row[1]) for row in look.rows(f"table-{look.panel(TOP)}")]
    look[f"table-{look.panel(TOP)}"].get_by_role("button", name=first, exact=True).click()
    look.until(lambda: look.rows("table-p2") != before, "the chart is filtered")
    assert look.query["key.ad_id"] == [first]
    whole = {row["ad_id"]: row["clicks"] for row in recount(served, snapshot, start, end)}
    assert sum(number(row[1]) for row in look.rows("table-p2")) == whole[first]
    assert number(second) <= whole[first]
    assert look["filters"].inner_text().startswith(f"ad_id: {first}")
    # what has no such key says so
    assert "not filtered: campaign_1m has no ad_id" in look[f"panel-{look.panel('Top campaigns today')}"].inner_text()
    look.tab.go_back()
    look.until(lambda: look.rows("table-p2") == before, "the filter is gone")
    assert "key.ad_id" not in look.query


def test_brushing_a_chart_sets_the_range_and_back_brings_the_old_one(look: Look) -> None:
    look.open("/?view=ads&last=1h")
    box = look.tab.locator("tm-chart .u-over").first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    look.tab.mouse.move(box["x"] + box["width"] * 0.25, middle)
    look.tab.mouse.down()
    look.tab.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=5)
    look.tab.mouse.up()
    look.until(lambda: "start" in look.query, "the range is in the address")
    assert "last" not in look.query
    length_ms = _ms(look.query["end"][0]) - _ms(look.query["start"][0])
    assert 14 * 60_000 <= length_ms <= 17 * 60_000
    assert length_ms % 60_000 == 0
    look.ready()
    look["range-reset"].wait_for()
    look.tab.go_back()
    look.until(lambda: look.query.get("last") == ["1h"], "the old range is back")
    look.ready()


def test_everything_chosen_is_in_the_address_and_comes_back_from_it(look: Look, served: Server) -> None:
    start, end = a_past(served)
    look.open(f"/?view=ads&start={_iso(start)}&end={_iso(end)}")
    look["zone"].fill("Asia/Kolkata")
    look["zone"].press("Enter")
    look["theme"].click()
    look["every"].select_option("5s")
    look["pause"].click()
    look["twin-p2"].click()
    address = look.tab.url
    assert look.query == {
        "view": ["ads"],
        "start": [_iso(start)],
        "end": [_iso(end)],
        "tz": ["Asia/Kolkata"],
        "pause": ["1"],
        "refresh": ["5s"],
        "theme": ["dark"],
        "table": ["p2"],
    }
    shown = look.rows("table-p2")
    # half an hour beside UTC
    assert {row[0][-2:] for row in shown} == {f"{minute:02d}" for minute in range(60)} & {row[0][-2:] for row in shown}
    assert shown[-1][0].endswith(_iso(start + 19_800_000)[11:16])
    other = Look(look.tab.context.new_page(), served.url)
    other.tab.goto(address)
    other.ready()
    assert other.rows("table-p2") == shown
    assert other["zone"].input_value() == "Asia/Kolkata"
    assert other["every"].input_value() == "5s"
    assert other["updated"].inner_text() == "paused"
    assert other.tab.evaluate("document.documentElement.dataset.theme") == "dark"
    assert other.mistakes == []


def test_a_bar_of_an_hour_is_drawn_an_hour_wide(look: Look, served: Server) -> None:
    end = a_past(served)[1] // 3_600_000 * 3_600_000
    look.open(f"/?view=ads&start={_iso(end - 4 * 3_600_000)}&end={_iso(end)}")
    chart = look.tab.locator(f"[data-testid=chart-{look.panel('Revenue per hour, with yesterday')}]")
    runs = chart.evaluate(
        """chart => {
          const canvas = chart.querySelector('canvas'), over = chart.querySelector('.u-over');
          const ratio = canvas.width / canvas.clientWidth;
          const [left, top] = [over.offsetLeft * ratio, over.offsetTop * ratio];
          const [width, height] = [over.clientWidth * ratio, over.clientHeight * ratio];
          const row = canvas.getContext('2d').getImageData(left, top + height - 4, width, 1).data;
          const colour = getComputedStyle(document.documentElement).getPropertyValue('--series-1').trim();
          const wanted = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
          let run = 0, longest = [];
          for (let x = 0; x < width; x++) {
            const same = row[x * 4 + 3] > 200 && wanted.every((value, at) => Math.abs(row[x * 4 + at] - value) < 3);
            if (same) run++;
            if (!same || x === Math.floor(width) - 1) { if (run > 3) longest.push(run); run = 0; }
          }
          return {longest, hour: width / 24};
        }"""
    )
    assert runs["longest"], "no bar is drawn"
    assert all(abs(run - runs["hour"]) <= 3 for run in runs["longest"]), runs


def test_time_travel_shows_the_lake_as_it_was(look: Look, served: Server) -> None:
    # the first ones of a lake hold nothing yet
    while len(snapshots := served.get("snapshots?limit=30")["snapshots"]) < 30:
        time.sleep(0.2)
    old, new = snapshots[10]["id"], a_snapshot(served)
    look.open(f"/?view=ads&as_of={old}")
    before = look.figure("last_commit_at")
    assert before == served.get(f"status?as_of={old}")["last_commit_at"]
    look["travel"].locator("summary").click()
    look["as-of"].fill(str(new))
    look["as-of"].press("Enter")
    look.until(lambda: look.figure("last_commit_at") != before, "the newer snapshot is shown")
    assert look.query["as_of"] == [str(new)]
    assert look.figure("last_commit_at") == served.get(f"status?as_of={new}")["last_commit_at"]
    look["as-of-reset"].click()
    look.until(lambda: look["updated"].inner_text().startswith("updated"), "it is live again")


def test_pause_keeps_what_is_seen_and_going_on_brings_what_is_new(look: Look) -> None:
    look.open("/?view=ads")
    first = look.figure("last_commit_at")
    look.until(lambda: look.figure("last_commit_at") != first, "the page moves")
    look["pause"].click()
    look.ready()
    look.tab.wait_for_timeout(1_500)
    still = look.figure("last_commit_at")
    look.tab.wait_for_timeout(5_000)
    assert look.figure("last_commit_at") == still
    assert look["updated"].inner_text() == "paused"
    look["pause"].click()
    look.until(lambda: look.figure("last_commit_at") != still, "the page moves again")


def test_polling_instead_of_the_feed_brings_what_is_new_as_well(look: Look) -> None:
    look.open("/?view=ads&refresh=5s")
    first = look.figure("last_commit_at")
    look.until(lambda: look.figure("last_commit_at") != first, "the page moves")


def test_the_overview_has_a_chart_for_each_aggregate_that_adds_up(look: Look, served: Server) -> None:
    look.open("/?view=overview")
    rollups = [table for table in served.get("schema")["tables"] if table["kind"] == "rollup"]
    wanted = sorted(each["name"] for table in rollups for each in table["aggregates"] if each["additive"])
    charts = look.tab.locator("[data-kind=chart] h2").all_inner_texts()
    assert sorted(charts) == wanted
    assert look.tab.locator("tm-chart canvas").count() == len(wanted)


def test_a_range_without_events_says_so_and_leads_to_the_newest(look: Look, served: Server) -> None:
    end = a_past(served)[1] + 40 * 86_400_000
    look.open(f"/?view=ads&start={_iso(end - 600_000)}&end={_iso(end)}")
    panel = look[f"panel-{look.panel('Clicks per minute')}"]
    assert "tidemill doctor" in panel.inner_text()
    panel.get_by_test_id("show-newest").click()
    look.ready()
    look.until(
        lambda: look[f"panel-{look.panel('Clicks per minute')}"].locator("canvas").count(), "the newest is shown"
    )
