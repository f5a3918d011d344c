"""The audit of row tables: each planted row is named by its offset."""

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proof.audit.report import OffsetRange
from proof.audit.rows import joined
from tests.proof.audit.told import kinds, one_range, the
from tests.proof.audited import doubled, with_value, without

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
            with_value(0, time=lambda at: at + timedelta(milliseconds=1))(content)
            if content.column("partition")[0].as_py() == "left"
            else None
        ),
        cunning=True,
    )
    finding = the(lake.audit(), "altered", "events")
    assert finding.detail == "the checksum of its rows' identities is not the ledger's"


def test_ranges_are_joined_where_they_touch_or_overlap_and_empty_ones_go() -> None:
    ranges = [("p", 5, 9), ("q", 0, 3), ("p", 0, 5), ("p", 7, 8), ("p", 11, 12), ("q", 5, 5)]
    found = joined([OffsetRange(*each) for each in ranges])
    assert [str(each) for each in found] == ["p [0, 9)", "p [11, 12)", "q [0, 3)"]
    assert joined([]) == []
