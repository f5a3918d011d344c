from functools import partial
from pathlib import Path

import pytest

from dataflow.errors import PipelineError
from query.reports import Shelf
from serve.ask.report_question import mistake_in
from serve.boards.panel_kinds import KINDS
from serve.boards.read import board_of, pipeline_of
from tests.serve.boards.boards import CHART, ROOT, board, definition

ADS = definition("ads").by_name
HERE = Path("boards/mine.toml")
REPORTS = ROOT / "pipelines" / "reports"

MISTAKES = [
    ("title = ", "this is no TOML"),
    (board(head=""), "key title is missing"),
    (board(head='title = "Mine"\ntitel = "x"\n'), "key titel is unknown; did you mean title?"),
    (board(head='title = "Mine"\nlast = "soon"\n'), "key last = 'soon': write a duration"),
    ('title = "Mine"\n', "there is no panel; write at least one table [[panel]]"),
    ('title = "Mine"\npanel = ["chart"]\n', "there is no panel"),
    (board("[[panel]]\n"), "panel 1, key kind is missing; write one of figures, chart"),
    (board('[[panel]]\nkind = "cart"\n'), "panel 1, key kind = 'cart' is unknown; did you mean chart?"),
    (board('[[panel]]\nkind = ["chart"]\n'), "panel 1, key kind = ['chart'] is unknown; write one of"),
    (board('[[panel]]\nkind = "chart"\nrollup = "r"\nshow = ["a"]\n'), "panel 1, key title is missing"),
    (board('[[panel]]\nkind = "chart"\ntitle = "A"\nshow = ["a"]\n'), "panel 1 (A), key rollup is missing"),
    (board(CHART + 'colour = "red"\n'), "panel 1 (Clicks), key colour is unknown"),
    (board(CHART + "width = 13\n"), "panel 1 (Clicks), key width = 13: write a whole number from 1 to 12"),
    (board(CHART, CHART + 'every = "5"\n'), "panel 2 (Clicks), key every = '5'"),
    (board(CHART.replace("ad_clicks_1m", "ad_click_1m")), "no such rollup in this lake; did you mean ad_clicks_1m?"),
    (board(CHART.replace('["clicks"]', '["click"]')), "ad_clicks_1m has no aggregate 'click'; did you mean clicks?"),
    (
        board(CHART.replace("ad_clicks_1m", "campaign_1m").replace('["clicks"]', '["users"]')),
        "'users' does not add up over keys or time, so no chart can be made of it",
    ),
    (board(CHART + 'units = { pence = "p" }\n'), "key units: ad_clicks_1m has no column 'pence'"),
    (
        board(CHART.replace('"chart"', '"top"') + 'key = "campaign_id"\n'),
        "key key = 'campaign_id': ad_clicks_1m has no such key; there are ad_id",
    ),
    (
        board(CHART.replace('"chart"', '"top"').replace("ad_clicks_1m", "revenue_1h") + 'key = "ad_id"\n'),
        "revenue_1h has no aggregate 'clicks'",
    ),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_a_mistake_names_the_file_the_key_and_the_fix(text: str, told: str) -> None:
    with pytest.raises(PipelineError) as caught:
        board_of(HERE, text, ADS)
    assert str(HERE) in str(caught.value)
    assert any(told in mistake for mistake in caught.value.mistakes), caught.value.mistakes


REPORT = '[[panel]]\nkind = "report"\ntitle = "R"\nreport = "{}"\n'
ASKED = [
    (REPORT.format("clicks_per_ads"), "key report = 'clicks_per_ads': no file", "did you mean clicks_per_ad?"),
    (REPORT.format("clicks_per_ad") + "parameters = { minute = 5 }\n", "parameters: minute = '5'", "mean minutes?"),
    (REPORT.format("clicks_per_ad") + 'parameters = { minutes = "x" }\n', "parameters: minutes = 'x'", "whole number"),
    (REPORT.format("top_campaigns") + 'parameters = { at = "now", limit = 0 }\n', "parameters: limit = '0'", "from 1"),
    (REPORT.format("campaign_1m") + 'parameters = { bye = "clicks" }\n', "parameters: bye = 'clicks'", "mean by?"),
    (REPORT.format("campaign_1m") + 'parameters = { "key.ad" = "a" }\n', "parameters: key.ad = 'a'", "no such key"),
]


@pytest.mark.parametrize(("panel", "place", "fix"), ASKED)
def test_what_a_report_is_asked_with_is_checked_as_the_server_asks_it(panel: str, place: str, fix: str) -> None:
    asked = partial(mistake_in, Shelf(REPORTS, definition("ads")))
    with pytest.raises(PipelineError) as caught:
        board_of(HERE, board(panel), ADS, asked)
    (told,) = caught.value.mistakes
    assert told.startswith("panel 1 (R), key ")
    assert place in told
    assert fix in told


@pytest.mark.parametrize("parameters", ["minutes = 5", 'at = "latest", limit = 3', 'minutes = "5", tz = "UTC"'])
def test_what_a_report_takes_is_right_on_a_board(parameters: str) -> None:
    asked = partial(mistake_in, Shelf(REPORTS, definition("ads")))
    text = board(REPORT.format("clicks_per_ad") + f"parameters = {{ {parameters} }}\n")
    assert board_of(HERE, text, ADS, asked).panels[0].values["report"] == "clicks_per_ad"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(PipelineError) as caught:
        board_of(HERE, board(CHART + "width = 0\n", CHART + "top = 3\n", head=""), ADS)
    assert len(caught.value.mistakes) == 3


def test_a_panel_has_its_kinds_title_and_width_unless_it_says_others() -> None:
    found = board_of(
        HERE, board('[[panel]]\nkind = "late"\n', '[[panel]]\nkind = "late"\ntitle = "L"\nwidth = 3\n'), ADS
    )
    assert [(panel.title, panel.values["width"]) for panel in found.panels] == [
        (KINDS["late"].title, KINDS["late"].width),
        ("L", 3),
    ]


def test_names_are_not_checked_while_there_is_no_lake() -> None:
    assert board_of(HERE, board(CHART.replace("ad_clicks_1m", "later")), None).panels[0].values["rollup"] == "later"


def test_windows_show_what_does_not_add_up() -> None:
    text = board('[[panel]]\nkind = "windows"\ntitle = "Users"\nrollup = "campaign_1m"\nshow = ["users"]\n')
    assert board_of(HERE, text, ADS).panels[0].values["show"] == ["users"]


def test_a_board_may_say_whose_it_is() -> None:
    assert pipeline_of('title = "A"\npipeline = "ads"\n') == "ads"
    assert pipeline_of('title = "A"\n') is None
    assert pipeline_of("title = ") is None
