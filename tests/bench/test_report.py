"""The report says of each target what was found, where Tidemill loses and why, and is that of the stored figures."""

from pathlib import Path

import pytest

from bench.figures import read_results
from bench.plots import PLOTS, drawn
from bench.report import (
    BEGIN,
    END,
    IMAGES,
    PAGE,
    PAIRS_BEGIN,
    PAIRS_END,
    REPORT,
    RESULTS,
    RULES_PAGE,
    missed,
    profiles,
    report,
    targets_table,
    with_pairs,
    with_plots,
)

STORED = Path(__file__).parent / "stored"


def test_the_report_is_that_of_the_figures() -> None:
    assert REPORT.read_text() == report(read_results(RESULTS)), "run `python -m bench.report`"


def test_the_plots_and_the_page_are_those_of_the_figures() -> None:
    results = read_results(RESULTS)
    plots = drawn(results)
    assert {path.name: path.read_text() for path in IMAGES.glob("bench-*.svg")} == {
        file: image for file, (_, image) in plots.items()
    }, "run `python -m bench.report`"
    assert PAGE.read_text() == with_plots(PAGE.read_text(), plots, results), "run `python -m bench.report`"


def test_what_the_page_of_the_rules_shows_is_what_was_measured() -> None:
    assert RULES_PAGE.read_text() == with_pairs(RULES_PAGE.read_text(), read_results(RESULTS)), (
        "run `python -m bench.report`"
    )


def test_figures_of_pairs_are_shown_with_the_command_that_made_them() -> None:
    page = f"# Page\n{PAIRS_BEGIN}\nold\n{PAIRS_END}\nend\n"
    shown = with_pairs(page, read_results(STORED))
    assert "| sequence, 10,000,000 keys | 600 | 900 | 3.0 | 4.0 | 20.0 | 25.0 |" in shown
    assert "Measured 2026-01-02 by `python -m bench.pair_rules`" in shown
    assert "old" not in shown
    assert "Not measured yet: `python -m bench.pair_rules` does it." in with_pairs(page, {})


def test_all_plots_can_be_drawn_where_all_was_measured() -> None:
    assert list(drawn(read_results(STORED))) == [plot.file for plot in PLOTS]


def test_the_report_of_known_figures() -> None:
    assert report(read_results(STORED)) == (STORED / "expected.txt").read_text()


def test_a_missed_target_shows_its_profile_or_how_to_make_one() -> None:
    results = read_results(STORED)
    assert any(target.profile == "one" for target, _ in missed(results))
    assert "| decode | 100 | 50% |" in profiles(results)
    without = {name: stored for name, stored in results.items() if name != "profile"}
    assert "`python -m bench.profile --only one` does it" in profiles(without)


def test_what_was_not_measured_names_its_command() -> None:
    assert (
        "| against Pathway | at least 10 times |  |  | not measured | `python -m bench.peers.compare` |"
        in targets_table({})
    )


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for what is measured: it needs the lines"):
        with_plots(f"# Page\n{BEGIN}\n", {}, {})
    assert with_plots(f"# Page\n{BEGIN}\nold\n{END}\n", {}, {}) == f"# Page\n{BEGIN}\n\n{END}\n"
