"""How far back the events reach: what is lost before it makes no window wrong, and is told with its reason."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dataflow import Rollup
from dataflow import aggregates as agg
from dataflow.spoken import moment
from dataflow.windows import tumble
from tests.model.spec import Record
from tests.proof.audited import Audited, erased, pipeline
from tests.proof.backfill.grown import Grown
from tests.proof.backfill.worlds import grown, only, whole

CALM: dict[str, Any] = {"out_of_orderness": "40s"}
ROLLUPS = ("per_ad", "moving", "visits")


def made(folder: Path) -> Grown:
    """A lake in which the small rollup came first and the others after some commits."""
    return grown(folder / "grown", only("moving", **CALM), pipeline(**CALM), at=24)


def lose_first_events(lake: Grown) -> None:
    """The first commit's events have left."""
    ((number, rows, snapshot),) = lake.ask_catalog(
        "SELECT f.data_file_id, f.record_count, f.begin_snapshot FROM ducklake_data_file f JOIN ducklake_table t USING"
        " (table_id) WHERE t.table_name = 'events' ORDER BY f.begin_snapshot LIMIT 1"
    )
    (newest,) = lake.ask('SELECT max(epoch_ms(time)) AS t FROM events WHERE "offset" < 6')
    lake.run("UPDATE ducklake_data_file SET end_snapshot = 3 WHERE data_file_id = ?", number)
    lake.run("INSERT INTO own_left VALUES ('events', ?, ?, ?)", newest["t"] + 1, snapshot, rows)


def windows(lake: Grown, rollup: str, from_ms: int) -> list[dict[str, Any]]:
    order = f"SELECT * EXCLUDE (is_final) FROM {rollup} WHERE window_start >= epoch_ms({from_ms}) ORDER BY ALL"
    return lake.ask(order)


@pytest.mark.parametrize("rollup", ["per_ad", "visits"])
def test_windows_behind_what_has_left_are_whole_and_no_other_is_filled(tmp_path: Path, rollup: str) -> None:
    lake, other = made(tmp_path), whole(tmp_path / "whole", pipeline(**CALM))
    lose_first_events(lake)
    done = lake.fill(rollup)
    assert done.whole_ms is not None
    assert [str(each) for each in done.unreached] == [
        "left [0, 6): events of it have left the lake, as `events_keep` says",
        "right [0, 4): events of it have left the lake, as `events_keep` says",
    ]
    assert windows(lake, rollup, done.whole_ms) == windows(other, rollup, done.whole_ms)
    assert len(windows(lake, rollup, done.whole_ms)) > 3
    first = lake.ask_catalog(
        "SELECT max(min_value) FROM ducklake_file_column_stats s JOIN ducklake_data_file f USING"
        " (data_file_id, table_id) JOIN ducklake_column c USING (table_id, column_id)"
        " JOIN ducklake_table t USING (table_id)"
        f" WHERE column_name = 'window_start' AND table_name = '{rollup}_delta' AND f.begin_snapshot = {done.snapshot}"
    )
    assert first[0][0] >= moment(done.marks[0].from_ms or 0)
    assert lake.audit().findings == []
    again = lake.fill(rollup)
    assert (again.marks, again.whole_ms) == ((), done.whole_ms)


def test_pieces_with_erased_rows_are_not_filled_and_said_to_be_no_longer_countable(tmp_path: Path) -> None:
    lake = made(tmp_path)
    ((partition, offset, event),) = [
        tuple(row.values())
        for row in lake.ask('SELECT "partition", "offset", id FROM events WHERE "offset" = 2 LIMIT 1')
    ]
    gone: Any = lake
    assert erased(gone, f"id = '{event}'")["events"] == 1
    done = lake.fill("per_ad")
    (lost,) = done.unreached
    assert str(lost) == (
        f"{partition} [0, {lost.end}): rows of it were erased from `events` (1), and are no longer countable"
    )
    assert lost.end > offset
    assert done.whole_ms == lost.newest_ms + 1
    assert lake.audit().findings == []


def test_events_that_were_not_kept_are_told_and_nothing_is_filled(tmp_path: Path) -> None:
    lake = made(tmp_path)
    lake.run(
        "UPDATE ducklake_data_file SET end_snapshot = begin_snapshot WHERE table_id = (SELECT table_id FROM"
        " ducklake_table WHERE table_name = 'events')"
    )
    done = lake.fill("per_ad")
    assert (done.marks, done.snapshot) == ((), None)
    assert [each.why for each in done.unreached] == [
        "`events` holds 0 of its 6 rows (were they kept then?)",
        "`events` holds 0 of its 3 rows (were they kept then?)",
    ]


def test_a_column_that_came_later_is_not_taken_for_null(tmp_path: Path) -> None:
    lake = made(tmp_path)
    lake.run("UPDATE ducklake_column SET begin_snapshot = 4 WHERE column_name = 'cost' AND end_snapshot IS NULL")
    done = lake.fill("per_ad")
    assert {each.why for each in done.unreached} == {"column cost was added to the pipeline after it was read"}
    assert lake.fill("visits").whole_ms is None


def test_events_that_were_changed_are_not_counted(tmp_path: Path) -> None:
    lake = made(tmp_path)
    lake.rewrite("events", _later, cunning=True)
    done = lake.fill("per_ad")
    assert "its rows in `events` are not those that the ledger counted" in str(done.unreached[0]) or (
        "newer than all" in str(done.unreached[0])
    )


def _later(table: Any) -> Any:
    from tests.proof.audited import with_value

    return with_value(0, time=lambda at: at + timedelta(milliseconds=1))(table)


def test_compaction_leaves_a_filled_rollup_as_it_is(tmp_path: Path) -> None:
    lake = made(tmp_path)
    for name in ("per_ad", "visits"):
        lake.fill(name)
    before = lake.product.texts()
    Audited.compact(_as_audited(lake))
    assert lake.product.texts() == before
    report = lake.audit()
    assert (report.findings, report.unproven) == ([], [])
    assert lake.fill("per_ad").marks == ()


def _as_audited(lake: Grown) -> Any:
    return lake


def dated(folder: Path, duplicate_ms: int) -> Grown:
    """One commit: an event, its duplicate of another time, an event of before, and one of after."""
    events = [("a", 0), ("a", duplicate_ms), ("b", 1_000), ("c", 30_000)]
    same = {"kind": "a", "ad": "y", "user": 1, "cost": 1}
    values = [json.dumps({"id": name, "time": at, **same}).encode() for name, at in events]
    every = Rollup("every", keys=[], window=tumble("1h"), aggregates={"n": agg.count()}, allowed_lateness="1d")
    first = pipeline(rollups=[every])
    lake = Grown(folder, {"t/0": [Record(at, value) for at, value in enumerate(values)]})
    lake.read(first, [("poll", 0, 4)], (pipeline(rollups=[every, *pipeline().rollups]), []))
    return lake


@pytest.mark.parametrize(("duplicate_ms", "right"), [(0, True), (30_000, False)])
def test_what_duplicates_may_have_made_late_is_not_guessed_and_a_wrong_trust_is_found(
    tmp_path: Path, duplicate_ms: int, right: bool
) -> None:
    lake = dated(tmp_path, duplicate_ms)
    strict = lake.fill("moving")
    assert strict.marks == ()
    assert "--trust-duplicates takes them for those of the first ones" in strict.unreached[0].why
    assert lake.audit().findings == []
    assert lake.fill("moving", trust_duplicates=True).marks
    assert (lake.audit().findings == []) is right


def test_a_duplicate_that_is_newer_than_all_events_is_never_trusted(tmp_path: Path) -> None:
    lake = dated(tmp_path, 90_000)
    done = lake.fill("moving", trust_duplicates=True)
    assert [each.why for each in done.unreached] == [
        "a duplicate of it is newer than all of its events, so that watermarks cannot be told"
    ]
