import pytest

from serve.boards.overview import overview
from serve.boards.panel_kinds import KINDS
from tests.serve.boards.boards import definition

PIPELINES = ["ads", "payments"]


@pytest.mark.parametrize("name", PIPELINES)
def test_every_aggregate_that_adds_up_has_its_chart(name: str) -> None:
    rollups = definition(name).rollups
    charts = [panel.values for panel in overview(rollups).panels if panel.kind == "chart"]
    wanted = [(rollup.name, aggregate) for rollup in rollups for aggregate in rollup.additive]
    assert [(each["rollup"], *each["show"]) for each in charts] == wanted


@pytest.mark.parametrize("name", PIPELINES)
def test_every_key_has_one_table(name: str) -> None:
    rollups = definition(name).rollups
    keys = {key for rollup in rollups for key in rollup.key_names}
    titles = [panel.title for panel in overview(rollups).panels if panel.kind in ("top", "windows")]
    assert sorted(title.rpartition(" ")[2] for title in titles) == sorted(keys)


@pytest.mark.parametrize("name", PIPELINES)
def test_no_top_table_is_made_of_windows_that_count_an_event_twice(name: str) -> None:
    rollups = definition(name).by_name
    tops = [rollups[panel.values["rollup"]] for panel in overview(list(rollups.values())).panels if panel.kind == "top"]
    assert tops
    assert {rollup.window.kind for rollup in tops} <= {"tumble", "session"}


@pytest.mark.parametrize("name", PIPELINES)
def test_its_panels_have_only_the_keys_that_a_file_may_have(name: str) -> None:
    for panel in overview(definition(name).rollups).panels:
        kind = KINDS[panel.kind]
        assert {*kind.needs} <= panel.values.keys() <= {*kind.keys}
        assert [key for key, value in panel.values.items() if kind.keys[key].check(value) is not None] == []


def test_without_rollups_there_are_figures() -> None:
    made = overview(())
    assert made.is_made
    assert [panel.kind for panel in made.panels] == ["alerts", "figures", "late", "dead_letters"]
