"""Every anomaly that is planted is found under its name; a sound history has none."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import __main__ as main
from tests.chaos import checkers, report
from tests.chaos.checkers import Anomaly, Judged, Line
from tests.chaos.matrix import SCENARIOS, Outcome, Scenario
from tests.chaos.observe import CLASSES
from tests.chaos.recount import Expected, before, expect
from tests.chaos.report import table, write_page
from tests.chaos.stage import ADS
from tests.model.spec import Record

SUMS = dict.fromkeys((*CLASSES, "checksum"), 0)


def names(anomalies: list[Anomaly]) -> set[str]:
    return {each.name for each in anomalies}


@pytest.fixture(scope="module")
def expected() -> Expected:
    event = b'{"event_id":"%d","event_time":%d,"event_type":"click","ad_id":"ad-0001"}'
    times = [1_000, 2_000, 500_000, 3_000, 500_001]
    records = [Record(offset, event % (offset, time), 600_000) for offset, time in enumerate(times)]
    return expect(ADS, {"t/0": [*records, Record(9, b"{", 600_000)]})


def placed(expected: Expected) -> dict[str, list[tuple[str, int]]]:
    rows = {"events": list(expected.tables.accepted), "dead_letters": [("t/0", 9)]}
    for rollup, partition, offset, *_ in expected.tables.late:
        rows.setdefault(f"late_events of {rollup}", []).append((partition, offset))
    return rows


def seen(expected: Expected, snapshot: int = 7) -> dict[str, Any]:
    """A sound observation of the lake that `expected` describes."""
    counts = expected.tables.counts["t/0"]
    told: dict[str, Any] = {"snapshot": snapshot, "rollup": {}, "rows": {}}
    told["ledger"] = {"t/0": {**vars(counts), "start": 0, "end": 10, "lines": 2, "checksum": 5}}
    told["table"] = {"events": {"rows": counts.accepted}, "dead_letters": {"rows": counts.dead}}
    for rollup in expected.spec.rollups:
        each = expected.tables.rollup_counts[(rollup.name, "t/0")]
        most = 5 if rollup.window.kind == "hop" else 1
        told["rollup"][rollup.name] = {"counted": each.counted, "late": each.late}
        told["rows"][rollup.name] = {"row_count": each.counted * most, "late_count": 0, "late_events": each.late}
    return told


def test_a_sound_lake_has_no_anomaly(expected: Expected) -> None:
    assert expected.tables.late
    assert not checkers.check_rows(expected, placed(expected))
    assert not checkers.check_torn(expected.spec, seen(expected))
    assert not checkers.check_monotonic([seen(expected, 7), seen(expected, 8)])


@pytest.mark.parametrize("table_name", ["events", "dead_letters", "late_events of revenue_1h"])
def test_a_missing_row_is_a_lost_event_and_one_more_a_duplicate(expected: Expected, table_name: str) -> None:
    rows = placed(expected)
    if table_name not in rows:
        rows = placed(expected)
        table_name = next(name for name in rows if name.startswith("late_events"))
    first = rows[table_name][0]
    assert names(checkers.check_rows(expected, rows | {table_name: rows[table_name][1:]})) == {checkers.LOST}
    assert names(checkers.check_rows(expected, rows | {table_name: [*rows[table_name], first]})) == {checkers.DUPLICATE}


def test_one_changed_cell_is_an_unequal_table(expected: Expected) -> None:
    found = dict(expected.texts)
    assert not checkers.check_texts(expected.texts, found, "the recount")
    found["counts.csv"] = found["counts.csv"].replace("t/0,6", "t/0,7")
    assert names(checkers.check_texts(expected.texts, found, "the recount")) == {checkers.UNEQUAL}
    del found["dead.csv"]
    assert len(checkers.check_texts(expected.texts, found, "the recount")) == 2


def lower(told: dict[str, Any]) -> None:
    told["table"]["events"]["rows"] -= 1


def more(told: dict[str, Any]) -> None:
    told["rows"]["campaign_1m"]["row_count"] += 1


def late(told: dict[str, Any]) -> None:
    told["rows"]["clicks_5m"]["late_events"] += 1


def dead(told: dict[str, Any]) -> None:
    told["ledger"]["t/0"]["dead"] += 1


def hopping(told: dict[str, Any]) -> None:
    told["rows"]["clicks_5m"]["row_count"] = 10**6


@pytest.mark.parametrize("change", [lower, more, late, dead, hopping])
def test_tables_of_different_epochs_are_a_torn_snapshot(
    expected: Expected, change: Callable[[dict[str, Any]], None]
) -> None:
    told = deepcopy(seen(expected))
    change(told)
    assert names(checkers.check_torn(expected.spec, told)) == {checkers.TORN}


def test_a_total_that_goes_down_is_a_non_monotonic_read(expected: Expected) -> None:
    earlier, later = seen(expected, 7), deepcopy(seen(expected, 8))
    later["rows"]["campaign_1m"]["row_count"] -= 1
    assert names(checkers.check_monotonic([earlier, later])) == {checkers.NON_MONOTONIC}
    assert names(checkers.check_monotonic([seen(expected, 8), seen(expected, 7)])) == {checkers.NON_MONOTONIC}


def line(start: int, end: int, read: int = 0) -> Line:
    return Line("t/0", start, end, {**SUMS, "read": read, "accepted": read})


def test_gaps_overlaps_and_a_wrong_end_of_ledger_ranges_are_found() -> None:
    sound = [line(0, 4, 3), line(4, 4), line(4, 9, 5)]
    assert not checkers.check_ledger(sound, {"t/0": 9})
    for lines in ([sound[0], line(5, 9)], [*sound, line(2, 4)], [*sound, line(9, 9), line(8, 9)]):
        assert names(checkers.check_ledger(lines, {"t/0": 9})) == {checkers.GAP}
    assert names(checkers.check_ledger(sound, {"t/0": 8})) == {checkers.GAP}
    assert names(checkers.check_ledger(sound, {"t/0": 9, "t/1": 3})) == {checkers.GAP}
    leaking = replace(sound[0], sums={**sound[0].sums, "read": 4})
    assert names(checkers.check_ledger([leaking, *sound[1:]], {"t/0": 9})) == {checkers.LOST}


def test_rules_that_no_run_had_that_come_back_or_that_the_last_run_did_not_bring_are_found() -> None:
    runs = [{"ms": 5}, {"ms": 7}, {"ms": 0}]

    def found(*numbers: int) -> set[str]:
        rules = [{"ms": number} for number in numbers]
        return names(checkers.check_rules([Judged("t/0", at, at + 1, each) for at, each in enumerate(rules)], runs))

    assert not found(5, 5, 7, 0)
    assert not found(7, 0)
    for numbers in ((5, 6, 0), (7, 5, 0), (5, 7)):
        assert found(*numbers) == {checkers.WRONG_RULES}


def test_what_was_seen_and_is_gone_is_an_uncommitted_read(expected: Expected) -> None:
    told = {"snapshot": 3, "ledger": {"t/0": {**SUMS, "read": 3, "accepted": 3, "end": 4}}}
    lines = [line(0, 4, 3), line(4, 9, 5)]
    assert not checkers.check_committed([told], lines)
    assert names(checkers.check_committed([told], [line(0, 9, 8)])) == {checkers.UNCOMMITTED}
    assert names(checkers.check_committed([told], [line(0, 4, 2), line(4, 9, 6)])) == {checkers.UNCOMMITTED}


def test_only_records_before_the_lakes_offsets_are_counted_in_a_prefix() -> None:
    records = {"t/0": [Record(0, b""), Record(5, b"")], "t/1": [Record(0, b"")]}
    assert before(records, {"t/0": 5}) == {"t/0": [Record(0, b"")]}


def test_the_report_replaces_what_stands_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- matrix: written by `make chaos` -->\nold\n<!-- end of matrix -->\nz\n")
    outcome = Outcome(SCENARIOS[0], {"kill -9": 3}, 3, {"records": 9, "comparisons": 1}, [], 1.0)
    for _ in range(2):
        write_page([outcome], 5, page)
    text = page.read_text()
    assert text.count("kill -9: 3") == 1
    assert "old" not in text
    assert text.startswith("a\n<!--")
    assert text.endswith("<!-- end of matrix -->\nz\n")
    assert table([outcome]).splitlines()[-1].endswith("| 0 |")


def test_what_was_not_played_stays_on_the_page_which_says_so(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- matrix: written by `make chaos` -->\nold\n<!-- end of matrix -->\n")
    first, second = (Outcome(each, {"kill -9": 3}, 3, {"records": 9}, [], 1.0) for each in SCENARIOS[:2])
    write_page([first, second], 5, page)
    assert "earlier run" not in page.read_text()
    write_page([replace(second, did={"kill -9": 4})], 5, page)
    text = page.read_text()
    assert f"As an earlier run left them: `{first.scenario.name}`." in text
    assert text.index("kill -9: 3") < text.index("kill -9: 4")
    assert text.count("kill -9: 3") == 1


def test_scenarios_played_again_take_their_place_in_the_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RUN_FILE", tmp_path / "run" / "chaos.json")
    assert report.last_run() == []
    first = [Outcome(each, {"kill": 1}, 1, {}, [Anomaly(checkers.GAP, "x")], 1.0) for each in SCENARIOS[:3]]
    report.write_run(first, 1)
    assert report.last_run() == first
    again = Outcome(SCENARIOS[1], {"kill": 5}, 5, {"records": 2}, [], 2.0)
    assert report.merged(report.last_run(), again) == [first[0], again, first[2]]


def test_a_run_that_was_broken_off_goes_on_with_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RUN_FILE", tmp_path / "chaos.json")
    played: list[str] = []

    def play_one(scenario: Scenario, *_: object, **__: object) -> Outcome:
        if "--go-on" not in sys.argv and scenario.name == "two-processes":
            raise KeyboardInterrupt
        played.append(scenario.name)
        return Outcome(scenario, {"kill": 9}, 9, {}, [], 1.0)

    monkeypatch.setattr(main, "play", play_one)
    monkeypatch.setattr(main, "shared_cluster", lambda _: nullcontext())
    monkeypatch.setattr(sys, "argv", ["chaos", "--jobs", "1", "--kills", "50", "--folder", str(tmp_path)])
    with pytest.raises(KeyboardInterrupt):
        main.main()
    assert [each.scenario.name for each in report.last_run()][:2] == ["random", "points"]
    assert len(report.last_run()) < len(SCENARIOS)
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--go-on"])
    assert main.main() == 0
    assert sorted(played) == sorted(each.name for each in SCENARIOS)
    assert len(report.last_run()) == len(SCENARIOS)


def test_every_scenario_has_a_name_of_its_own_and_the_shares_are_a_whole() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert sum(scenario.share for scenario in SCENARIOS) >= 1
