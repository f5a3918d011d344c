import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflow.errors import ConfigError, OffsetLost
from proof.audit.report import Finding, Report
from query.moment import to_ms
from tests.model.streams import Cuts
from tests.proof.audited import CUTS, RECORDS, Audited, doubled, with_value, without

HASTY = Cuts(
    (
        *CUTS.steps[:9],
        ("poll", 0, 5),
        ("restart", 2, 0),
        ("poll", 1, 30),
        ("poll", 0, 11),
        ("epoch", 0, 0),
        ("restart", 1, 0),
        *CUTS.steps[:12],
    )
)


@pytest.fixture(scope="module")
def templates(tmp_path_factory) -> dict[bool, Audited]:
    """A lake as written (False) and compacted (True)."""
    written = Audited(tmp_path_factory.mktemp("written"))
    compacted = written.copy(tmp_path_factory.mktemp("compacted"))
    compacted.compact()
    return {False: written, True: compacted}


@pytest.fixture
def lake(templates, tmp_path) -> Audited:
    return templates[False].copy(tmp_path)


@pytest.fixture
def compacted(templates, tmp_path) -> Audited:
    return templates[True].copy(tmp_path)


def kinds(report: Report) -> set[tuple[str, str]]:
    return {(finding.kind, finding.table) for finding in report.findings}


def the(report: Report, kind: str, table: str) -> Finding:
    (finding,) = [each for each in report.findings if (each.kind, each.table) == (kind, table)]
    return finding


def one_range(finding: Finding) -> tuple[str, int, int]:
    (found,) = finding.ranges
    return found.partition, found.start, found.end


@pytest.mark.parametrize("cuts", [CUTS, HASTY, Cuts()], ids=["many_epochs", "restarts_and_2_workers", "one_epoch"])
def test_a_correct_lake_is_proven(tmp_path, cuts):
    report = Audited(tmp_path, cuts).audit()
    assert report.lines()[-1] == "proven: every record of the source is in the lake exactly once"
    assert (report.findings, report.unproven) == ([], [])
    assert {name: counts["read"] for name, counts in report.partitions.items()} == {"left": RECORDS, "right": RECORDS}
    assert all(counts["late"] and counts["duplicate"] and counts["dead"] for counts in report.partitions.values())
    assert report.tables["events"] == sum(counts["accepted"] for counts in report.partitions.values())
    assert min(report.tables.values()) > 0


def test_a_compacted_lake_is_proven(lake):
    before = lake.audit()
    lake.compact()
    after = lake.audit()
    assert after.is_proven
    assert after.files < before.files
    assert (after.partitions, after.tables) == (before.partitions, before.tables)


@pytest.mark.parametrize("table", ["events", "dead_letters", "late_events", "per_ad_delta", "ledger"])
def test_a_missing_file_is_named(lake, table):
    path = lake.files(table)[0][1]
    path.unlink()
    report = lake.audit()
    assert the(report, "file_missing", table).files == (f"main/{table}/{path.name}",)
    others = kinds(report) - {("file_missing", table)}
    if table == "ledger":
        assert ("gap", "ledger") in others
    elif table == "per_ad_delta":
        assert others == {("window", table)}
    else:
        assert others == {("missing", table)}


@pytest.mark.parametrize("table", ["events", "ledger", "visits_delta"])
def test_a_truncated_file_is_named(lake, table):
    _, path = lake.files(table)[1]
    path.write_bytes(path.read_bytes()[:-30])
    report = lake.audit()
    assert the(report, "file_size", table).files == (f"main/{table}/{path.name}",)
    assert the(report, "unreadable", table).files == (f"main/{table}/{path.name}",)


@pytest.mark.parametrize("table", ["events", "dead_letters", "late_events", "per_ad_delta", "moving_delta", "ledger"])
def test_a_changed_byte_is_found_even_where_no_row_changes(lake, table):
    _, path = lake.files(table)[0]
    content = pq.read_table(path, partitioning=None)
    pq.write_table(content, path, store_schema=False, compression="none")
    lake.run("UPDATE ducklake_data_file SET file_size_bytes = ? WHERE path = ?", path.stat().st_size, path.name)
    report = lake.audit()
    assert kinds(report) == {("file_digest", table)}
    assert report.findings[0].files == (f"main/{table}/{path.name}",)


def test_a_wrong_row_count_in_the_catalog_is_found(lake):
    number, path = lake.files("moving_delta")[0]
    lake.run("UPDATE ducklake_data_file SET record_count = record_count + 1 WHERE data_file_id = ?", number)
    report = lake.audit()
    assert kinds(report) == {("file_rows", "moving_delta")}
    assert report.findings[0].files == (f"main/moving_delta/{path.name}",)


ROW_PLANTS = [
    ("missing", without(0), {}),
    ("repeated", doubled(0), {}),
    ("altered", None, {"events": {"user": 77}, "dead_letters": {"reason": "empty"}, "late_events": {"watermark": 5}}),
]


@pytest.mark.parametrize("table", ["events", "dead_letters", "late_events"])
@pytest.mark.parametrize(("kind", "change", "values"), ROW_PLANTS, ids=["removed", "doubled", "altered"])
@pytest.mark.parametrize("cunning", [False, True], ids=["plain", "cunning"])
def test_a_planted_row_is_named_by_its_offset(templates, tmp_path, kind, change, values, table, cunning):
    # the cunning ones in a compacted lake, where a file holds many commits
    lake = templates[cunning].copy(tmp_path)
    seen: dict[str, Any] = {}

    def plant(content: pa.Table) -> pa.Table | None:
        if content.num_rows:
            seen.update(content.slice(0, 1).to_pylist()[0])
        return (change or with_value(0, **values[table]))(content)

    lake.rewrite(table, plant, cunning=cunning)
    report = lake.audit()
    assert one_range(the(report, kind, table)) == (seen["partition"], seen["offset"], seen["offset"] + 1)
    damage = {(kind, table) for kind in ("file_digest", "file_size", "file_rows")}
    assert kinds(report) - damage == {(kind, table)}
    assert bool(kinds(report) & damage) != cunning


def test_an_altered_value_of_a_dead_letter_is_named(lake):
    lake.rewrite("dead_letters", with_value(0, value=b"{{"), cunning=True)
    finding = the(lake.audit(), "altered", "dead_letters")
    assert finding.detail.startswith("value is b'{{', the source gives b'{'")


def test_a_row_under_an_offset_that_was_never_read_is_extra(lake):
    lake.rewrite("events", with_value(0, offset=9_999), cunning=True)
    report = lake.audit()
    assert kinds(report) == {("missing", "events"), ("extra", "events")}
    assert one_range(the(report, "extra", "events"))[1:] == (9_999, 10_000)


def test_neighbouring_offsets_are_one_finding(lake):
    _, path = lake.files("events")[0]
    held = [(row["partition"], row["offset"]) for row in pq.read_table(path, partitioning=None).to_pylist()]
    path.unlink()
    report = lake.audit()
    found = [each.ranges[0] for each in report.findings if each.kind == "missing"]
    assert len(found) < len(held)
    assert sorted(held) == sorted((each.partition, at) for each in found for at in range(each.start, each.end))


WINDOW_PLANTS = [
    ("removed", without(0)),
    ("altered", with_value(0, row_count=lambda count: count + 1)),
    ("n_altered", with_value(0, n=lambda count: count + 3)),
    ("late_altered", with_value(0, late_count=lambda count: count + 1)),
    ("doubled", doubled(0)),
]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        *(pytest.param("per_ad_delta", plant, id=f"per_ad_{name}") for name, plant in WINDOW_PLANTS),
        *(pytest.param("moving_delta", plant, id=f"moving_{name}") for name, plant in WINDOW_PLANTS[:2]),
        *(pytest.param("visits_delta", plant, id=f"visits_{name}") for name, plant in WINDOW_PLANTS[1:3]),
    ],
)
def test_a_planted_delta_row_is_named_by_key_window_file_and_offsets(lake, change, table):
    name_planted_window(lake, change, table)


@pytest.mark.parametrize("table", ["per_ad_delta", "moving_delta", "visits_delta"])
def test_a_planted_delta_row_is_named_after_compaction(compacted, table):
    name_planted_window(compacted, WINDOW_PLANTS[1][1], table)


def name_planted_window(lake, change, table):
    seen: dict[str, Any] = {}

    def plant(content: pa.Table) -> pa.Table | None:
        seen.update(content.slice(0, 1).to_pylist()[0])
        return change(content)

    path = lake.rewrite(table, plant, cunning=True)
    report = lake.audit()
    assert {finding.kind for finding in report.findings} == {"window"}
    assert {finding.table for finding in report.findings} == {table}
    (key,) = [name for name in ("ad", "kind", "user") if name in seen]
    at = to_ms(seen["window_start"])
    finding = next(each for each in report.findings if each.window_ms and each.window_ms[0] <= at < each.window_ms[1])
    assert finding.key == {key: seen[key]}
    # a file without the row cannot be named
    expected = () if change is WINDOW_PLANTS[0][1] else (f"main/{table}/{path.name}",)
    assert finding.files in (expected, (f"main/{table}/{path.name}",))
    assert finding.ranges
    for found in finding.ranges:
        assert 0 <= found.start < found.end <= RECORDS
    if not path.name.startswith("compact-"):
        # the first commit read 6 records of one file and 4 of the other
        assert {(each.partition, each.end <= 6) for each in finding.ranges} <= {("left", True), ("right", True)}


def test_a_removed_distinct_value_is_named_by_its_window(compacted):
    lake = compacted
    lake.rewrite("per_ad_users_distinct", without(0), cunning=True)
    finding = the(lake.audit(), "window", "per_ad_users_distinct")
    assert set(finding.key or {}) == {"ad", "value"}
    assert {each.partition for each in finding.ranges} <= {"left", "right"}
    assert all(0 <= each.start < each.end <= RECORDS for each in finding.ranges)
    assert len(finding.ranges) > 0


@pytest.mark.parametrize("name", ["accepted", "checksum", "max_event_time", "per_ad_counted", "visits_late"])
def test_an_altered_ledger_row_is_named_by_its_range(lake, name):
    seen: dict[str, Any] = {}

    def change(content: pa.Table) -> pa.Table | None:
        at = next((at for at, row in enumerate(content.to_pylist()) if row["read"]), None)
        if at is None:
            return None
        seen.update(content.slice(at, 1).to_pylist()[0])
        return with_value(at, **{name: lambda value: value + 1})(content)

    lake.rewrite("ledger", change, cunning=True)
    report = lake.audit()
    finding = the(report, "ledger", "ledger")
    assert one_range(finding) == (seen["partition"], seen["start_offset"], seen["end_offset"])
    assert f"{name} is {seen[name] + 1}, the source gives {seen[name]}" in finding.detail
    conserved = name in ("checksum", "max_event_time")
    assert (("conservation", "ledger") in kinds(report)) != conserved


def test_counts_that_still_add_up_are_compared_with_the_source(lake):
    change = with_value(0, accepted=lambda count: count - 1, late=lambda count: count + 1)
    lake.rewrite("ledger", change, cunning=True)
    report = lake.audit()
    assert kinds(report) == {("ledger", "ledger")}
    assert "accepted is" in report.findings[0].detail


def with_read(change: Any) -> Any:
    """`change(at)` for the first row of a ledger file, unless it is only a heartbeat."""
    return lambda content: change(0)(content) if content.column("read")[0].as_py() else None


def test_a_removed_ledger_row_is_a_gap(lake):
    lake.rewrite("ledger", with_read(without), cunning=True)
    report = lake.audit()
    assert kinds(report) == {("gap", "ledger"), ("ledger", "ledger")}
    assert one_range(the(report, "gap", "ledger"))[1:] == one_range(the(report, "ledger", "ledger"))[1:]


def test_a_removed_last_ledger_row_is_a_gap(compacted):
    lake = compacted
    lake.rewrite("ledger", lambda content: content.slice(0, 0), cunning=True)
    report = lake.audit()
    assert ("gap", "ledger") in kinds(report)


def test_a_doubled_ledger_row_is_an_overlap(lake):
    lake.rewrite("ledger", with_read(doubled), cunning=True)
    report = lake.audit()
    assert kinds(report) == {("overlap", "ledger")}


def test_a_ledger_row_that_reaches_into_the_next_one_is_an_overlap(lake):
    lake.rewrite("ledger", with_read(lambda at: with_value(at, end_offset=lambda end: end + 2)), cunning=True)
    report = lake.audit()
    assert ("overlap", "ledger") in kinds(report)
    (overlap,) = [each for each in report.findings if each.kind == "overlap"]
    assert one_range(overlap)[2] - one_range(overlap)[1] == 2


def test_contiguous_ranges_with_wrong_borders_do_not_hold_what_they_say(compacted):
    lake = compacted

    def move(content: pa.Table) -> pa.Table:
        rows = content.to_pylist()
        mine = [row for row in rows if row["partition"] == "left" and row["read"]]
        mine[0]["end_offset"] += 1
        mine[1]["start_offset"] += 1
        return pa.Table.from_pylist(rows, schema=content.schema)

    lake.rewrite("ledger", move, cunning=True)
    report = lake.audit()
    differing = [one_range(each) for each in report.findings if "the source gives" in each.detail]
    assert differing == [("left", 0, 7), ("left", 7, 12)]


def test_a_ledger_row_of_another_source_partition_is_found(lake):
    lake.rewrite("ledger", with_read(lambda at: with_value(at, partition="stranger")), cunning=True)
    report = lake.audit()
    assert {("gap", "ledger"), ("offset", "ledger")} <= kinds(report)
    assert any(each.ranges and each.ranges[0].partition == "stranger" for each in report.findings)


@pytest.mark.parametrize(
    ("move", "kind", "where"),
    [(5, "gap", (60, 65)), (1, "gap", (60, 61)), (-1, "offset", (59, 60)), (-5, "offset", (55, 60))],
)
def test_a_moved_next_offset_is_found(lake, move, kind, where):
    lake.run('UPDATE own_offset SET next = next + ? WHERE "partition" = ?', move, "left")
    report = lake.audit()
    assert one_range(the(report, kind, "ledger")) == ("left", *where)


def test_a_moved_event_time_is_found(lake):
    lake.run('UPDATE own_offset SET max_event_time = max_event_time + 1 WHERE "partition" = ?', "left")
    assert kinds(lake.audit()) == {("offset", "ledger")}


def test_a_changed_source_is_a_difference(lake):
    path = lake.input / "left.ndjson"
    lines = path.read_text().splitlines(keepends=True)
    lines[3] = lines[3].replace('"user": ', '"user": 1')
    path.write_text("".join(lines))
    report = lake.audit()
    assert one_range(the(report, "altered", "events")) == ("left", 3, 4)
    assert ("window", "visits_delta") in kinds(report)


def test_a_source_that_has_become_shorter_is_a_difference(lake):
    path = lake.input / "left.ndjson"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:50]))
    report = lake.audit()
    assert one_range(the(report, "gap", "source")) == ("left", 50, 60)


def test_without_a_source_file_the_rest_is_proven_and_that_is_said(lake):
    (lake.input / "left.ndjson").unlink()
    report = lake.audit()
    assert report.is_proven
    assert report.lines()[-1] == "no difference; what is NOT PROVEN was not compared with the source"
    assert [each.what.split(" ")[0] for each in report.unproven] == ["left", "windows"]


@pytest.mark.parametrize(("table", "kind"), [("events", "count"), ("late_events", "count"), ("per_ad_delta", "count")])
def test_a_removed_row_is_found_without_the_source_by_the_ledger(compacted, table, kind):
    lake = compacted
    (lake.input / "left.ndjson").unlink()

    def remove(content: pa.Table) -> pa.Table | None:
        rows = content.to_pylist()
        at = next(at for at, row in enumerate(rows) if row.get("partition", "left") == "left")
        return without(at)(content)

    lake.rewrite(table, remove, cunning=True)
    assert kinds(lake.audit()) == {(kind, table)}


def test_an_altered_identity_is_found_without_the_source_by_the_checksum(lake):
    (lake.input / "left.ndjson").unlink()
    lake.rewrite(
        "events",
        lambda content: (
            with_value(0, time=lambda at: at + 1)(content) if content.column("partition")[0].as_py() == "left" else None
        ),
        cunning=True,
    )
    finding = the(lake.audit(), "altered", "events")
    assert finding.detail == "the checksum of its rows' identities is not the ledger's"


class Retained:
    """A source that has dropped its oldest records."""

    def __init__(self, inner, low: int) -> None:
        self.inner, self.low = inner, low

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def open(self, partition, next_offset, hint, bounded_end=None):
        if next_offset is not None and next_offset < self.low:
            raise OffsetLost(f"{partition}: {next_offset} is gone")
        return self.inner.open(partition, self.low if next_offset is None else next_offset, hint, bounded_end)


@pytest.mark.parametrize("dedup", [False, True], ids=["watermark_from_the_ledger", "ids_from_events"])
def test_what_the_source_still_holds_is_audited_and_the_rest_said(tmp_path, dedup):
    changes: dict[str, Any] = {} if dedup else {"deduplicate_by": None, "deduplicate_within": None}
    lake = Audited(tmp_path, **changes, allowed_lateness="1h")
    report = lake.audit(Retained(lake.source(), 20))
    assert report.findings == []
    assert [each.what for each in report.unproven if "against" in each.what] == [
        "left [0, 24) against its source",
        "right [0, 20) against its source",
    ]
    lake.rewrite(
        "events",
        lambda content: None if content.column("offset")[0].as_py() < 24 else without(0)(content),
        cunning=True,
    )
    assert kinds(lake.audit(Retained(lake.source(), 20))) == {("missing", "events")}


def test_ids_that_the_lake_does_not_hold_leave_the_source_partition_unproven(lake):
    report = lake.audit(Retained(lake.source(), 20))
    assert report.findings == []
    assert "which event ids were remembered there is not in the lake" in report.unproven[0].why


def test_a_part_is_compared_by_its_own_rows_and_windows_are_left_out(lake):
    lake.rewrite("events", without(0), cunning=True)
    whole = the(lake.audit(), "missing", "events").ranges[0]
    part = lake.audit(partition=whole.partition, start=whole.start, end=whole.start + 1)
    assert the(part, "missing", "events").ranges == (whole,)
    other = "right" if whole.partition == "left" else "left"
    report = lake.audit(partition=other)
    assert report.is_proven
    assert list(report.partitions) == [other]
    assert report.unproven[0].what.startswith("windows (per_ad_delta")
    later = lake.audit(start=30)
    assert later.is_proven
    assert later.partitions["left"]["start"] == 30


def test_a_part_may_be_chosen_by_the_time_of_its_commits(lake):
    from tests.harness import NOW

    assert lake.audit(since=NOW).partitions["left"]["ranges"] == 11
    with pytest.raises(ConfigError, match="nothing of the ledger"):
        lake.audit(until=NOW)


def test_another_pipeline_is_refused(lake):
    lake.plan = replace(lake.plan, fingerprint="x")
    with pytest.raises(ConfigError, match="is not the one that the lake was filled with"):
        lake.audit()
    lake.plan = replace(lake.plan, name="other")
    with pytest.raises(ConfigError, match="the lake is that of small"):
        lake.audit()


def test_findings_are_machine_readable(lake):
    lake.rewrite("per_ad_delta", with_value(0, n=99), cunning=True)
    lake.rewrite("events", without(0), cunning=False)
    found = json.loads(json.dumps(lake.audit().as_json()))
    assert found["proven"] is False
    window = next(each for each in found["findings"] if each["kind"] == "window")
    assert window["window_end"] - window["window_start"] == 10_000
    assert all((lake.lake / "main" / "per_ad_delta" / Path(each).name).is_file() for each in window["files"])
    assert len(window["files"]) > 0
    assert window["ranges"][0].keys() == {"partition", "start", "end"}
    assert found["partitions"]["left"]["read"] == RECORDS
