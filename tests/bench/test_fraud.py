"""The bench of fraud in small: what counts as found, and a whole measurement."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench import fraud
from bench.fraud import Found, Labelled, as_markdown, judged, labelled
from dataflow.sources.generator.fraud.stream import FraudStream

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- fraud: the tables of bench/results/fraud.md -->", "<!-- end of fraud -->"


def alert(rule: str, start_ms: int, end_ms: int, state: str = "raised", **key: str) -> dict[str, Any]:
    """A row of the view, as far as it is read."""
    window = {
        name: datetime.fromtimestamp(at / 1000, UTC)
        for name, at in (("window_start", start_ms), ("window_end", end_ms))
    }
    return {"rule": rule, "state": state, "key": json.dumps(key), **window}


FRAUDS = [
    Labelled("a", "u1", "shoes", 1_000, "click_farm", 1),
    Labelled("b", "u1", "shoes", 2_000, "click_farm", 1),
    Labelled("c", "u1", "hats", 2_500, "instant_click", 2),
    Labelled("d", "u2", "hats", 2_000, "slow_drip", 3),
]


def test_an_alert_is_about_the_events_of_its_key_within_its_window() -> None:
    alerts = [
        alert("click_farm", 0, 2_000, user_id="u1", ad_id="shoes"),
        alert("click_farm", 0, 2_000, user_id="u1", ad_id="hats"),
        alert("click_farm", 0, 9_000, "retracted", user_id="u2", ad_id="hats"),
        alert("many_ads", 2_000, 2_501, user_id="u1"),
        alert("ad_spike", 1_500, 9_000, ad_id="shoes"),
        alert("ad_spike", 1_500, 9_000, ad_id="hats"),
    ]
    kinds, rules = judged(FRAUDS, alerts)
    assert kinds["click_farm"] == Found(2, 2, 2, 1, 1, 1)
    assert kinds["instant_click"] == Found(1, 0, 1, 1, 0, 1)
    assert kinds["slow_drip"] == Found(1, 0, 0, 1, 0, 0)
    assert (rules["click_farm"].alerts, rules["click_farm"].right_alerts) == (2, 1)
    assert (rules["many_ads"].alerts, rules["many_ads"].right_alerts) == (1, 1)
    assert (rules["ad_spike"].alerts, rules["ad_spike"].right_alerts) == (2, 1)
    text = as_markdown(kinds, rules)
    assert "| 2 | 1.000 | 1.000 |" in text
    assert "| click_farm | click_farm | 2 | 1 | 0.500 |" in text


def test_each_fraudulent_event_is_labelled_once() -> None:
    stream = FraudStream(seed=1, minutes=20, rate=2.0)
    assert len(labelled(stream)) == len(list(stream.labels())) - 1


def test_the_page_shows_the_tables_that_were_measured() -> None:
    page = (ROOT / "docs" / "rules.md").read_text().partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0]
    stored = (ROOT / "bench" / "results" / "fraud.md").read_text()
    assert page == stored[stored.index("| kind of fraud") :].strip()


def test_a_small_stream_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written: list[tuple[Any, ...]] = []
    monkeypatch.setattr(fraud, "write", lambda *told: written.append(told))
    monkeypatch.setattr("sys.argv", ["fraud", "--minutes", "10", "--seeds", "1"])
    fraud.main()
    ((name, _, facts, _, data),) = written
    assert name == "fraud"
    assert "sessions that are not over" in facts["end"]
    assert data["kinds"]["lone_conversion"]["own_events"] == data["kinds"]["lone_conversion"]["events"] > 0
