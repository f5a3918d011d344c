"""Reading a source again: what it still holds is audited, and what it has dropped is said."""

from typing import Any

import pytest

from dataflow.errors import OffsetLost
from tests.proof.audit.told import kinds, one_range, the
from tests.proof.audited import Audited, without


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


def test_ids_that_have_left_with_the_events_move_the_place_on(tmp_path):
    lake = Audited(tmp_path, allowed_lateness="1h", deduplicate_within="1s")
    # as if events before the 30th record's time had left
    lake.run("INSERT INTO own_left VALUES ('events', ?, -1, 0)", 1_700_000_000_000 + 30 * 700)
    report = lake.audit(Retained(lake.source(), 20))
    assert report.findings == []
    told = {each.what: each.why for each in report.unproven if "against" in each.what}
    assert sorted(told) == ["left [0, 42) against its source", "right [0, 36) against its source"]
    assert all("they have left it with the events" in why for why in told.values())


def test_ids_that_the_lake_does_not_hold_leave_the_source_partition_unproven(lake):
    report = lake.audit(Retained(lake.source(), 20))
    assert report.findings == []
    assert "which event ids were remembered there is not in the lake" in report.unproven[0].why
