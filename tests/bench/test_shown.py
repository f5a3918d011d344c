"""Tables stand in a page between their marks, and those of docs/ are what was measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import alert_rules, early_alerts, shown
from bench.shown import DOCS, STORED, marks, show, with_tables

BEGIN, END = marks("start")
PAGE = f"before\n{BEGIN}\nold\n{END}\nafter\n"


def test_only_what_is_between_the_marks_is_replaced() -> None:
    assert shown.shown(PAGE, "start") == "old\n"
    assert with_tables(PAGE, "start", "| new |\n") == f"before\n{BEGIN}\n| new |\n{END}\nafter\n"
    with pytest.raises(ValueError, match="the page has no place for fold: it needs the lines"):
        with_tables(PAGE, "fold", "")


def test_a_trial_leaves_the_pages_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shown, "DOCS", tmp_path)
    (tmp_path / "page.md").write_text(PAGE)
    monkeypatch.setattr(shown, "RESULTS", tmp_path)
    show("page.md", "start", "new\n")
    assert (tmp_path / "page.md").read_text() == PAGE
    monkeypatch.setattr(shown, "RESULTS", STORED)
    show("page.md", "start", "new\n")
    assert (tmp_path / "page.md").read_text() == PAGE.replace("old", "new")


@pytest.mark.parametrize(
    ("name", "tables"), [("alert_rules", alert_rules.as_markdown), ("early_alerts", early_alerts.as_markdown)]
)
def test_the_page_of_rules_shows_what_was_measured(name: str, tables: Any) -> None:
    stored = STORED / f"{name}.json"
    expected = tables(json.loads(stored.read_text())["figures"]) if stored.exists() else ""
    assert shown.shown((DOCS / "rules.md").read_text(), name) == expected
