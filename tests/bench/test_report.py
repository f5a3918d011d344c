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
    REPORT,
    RESULTS,
    missed,
    profiles,
    report,
    targets_table,
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
    with pytest.raises(ValueError, match="no place for them"):
        with_plots(f"# Page\n{BEGIN}\n", {}, {})
    assert with_plots(f"# Page\n{BEGIN}\nold\n{END}\n", {}, {}) == f"# Page\n{BEGIN}\n\n{END}\n"
