"""Erased rows, known from lost ones: by offset in row tables, by value in side tables."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from proof.audit.report import Report
from proof.erased import ErasedRows, SideTable, side_tables
from query.reader import LakeReader
from sinks.lake.catalog.erasures import ErasedRows as Mark
from sinks.lake.catalog.erasures import Erasure
from tests.model.files import read_folder
from tests.proof.audit.told import kinds
from tests.proof.audited import RECORDS, Audited, erased, with_value, without
from tests.proof.test_takeover import LosingSource, taken_from

AT = datetime(2026, 11, 25, tzinfo=UTC)
SIDE = SideTable("r", "users", {"user": "value", "ad": "ad"})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return Audited(tmp_path_factory.mktemp("written"))


@pytest.fixture
def lake(template: Audited, tmp_path: Path) -> Audited:
    return template.copy(tmp_path)


def proven(report: Report) -> str:
    assert report.findings == []
    return report.lines()[-1]


@pytest.mark.parametrize("text", ["id = 'l5'", '"user" = 1', "ad = 'x'", "id IN ('l1', 'r1')", "kind = 'a'"])
@pytest.mark.parametrize("compact", [False, True])
def test_the_audit_tells_erased_rows_as_erased_and_not_as_lost(lake: Audited, text: str, compact: bool) -> None:
    if compact:
        lake.compact()
    rows = erased(lake, text)
    report = lake.audit()
    assert proven(report) == "proven: every record of the source is in the lake exactly once, but for the rows erased"
    assert report.unproven == []
    assert report.erased["events"] == rows["events"]
    assert report.as_json()["erased"] == dict(report.erased)
    for name in rows:
        assert 0 < report.erased[name] <= rows[name]


def test_several_erasures_of_one_lake_are_told_together(lake: Audited) -> None:
    first = erased(lake, '"user" = 1')
    second = erased(lake, "ad = 'x'")
    report = lake.audit()
    assert proven(report).endswith("but for the rows erased")
    assert report.erased["events"] == first["events"] + second["events"]


def test_rows_that_are_lost_beside_erased_ones_are_still_found(lake: Audited) -> None:
    erased(lake, '"user" = 1')
    lake.rewrite("events", without(0), cunning=True)
    lake.rewrite("per_ad_users_distinct", without(0), cunning=True)
    assert kinds(lake.audit()) == {("missing", "events"), ("window", "per_ad_users_distinct")}


def test_an_erased_row_that_is_there_again_is_a_difference(lake: Audited) -> None:
    erased(lake, "id = 'l5'")
    lake.rewrite("events", with_value(0, offset=5, partition="left"), cunning=True)
    assert ("returned", "events") in kinds(lake.audit())


def test_without_the_source_counts_hold_and_the_checksum_is_told_as_not_comparable(lake: Audited) -> None:
    from proof.audit.audit import audit

    erased(lake, "id = 'l5'")
    with LakeReader(lake.lake) as reader:
        report = audit(reader, lake.plan, None, wait=lambda: None, unread="it is gone")
    assert report.findings == []
    assert [each.what for each in report.unproven if "checksum" in each.what] == ["checksum of events in left [0, 6)"]
    assert report.erased == {"events": 1}
    lake.rewrite("events", without(0), cunning=True)
    with LakeReader(lake.lake) as reader:
        report = audit(reader, lake.plan, None, wait=lambda: None, unread="it is gone")
    assert kinds(report) == {("count", "events")}


def mark(columns: tuple[str, ...], *rows: Mark) -> Erasure:
    return Erasure(1, AT, 5, columns, True, rows)


def side(*rows: tuple[int | None, str | None]) -> pa.Table:
    schema = pa.schema([("ad", pa.string()), ("value", pa.int64())])
    return pa.Table.from_pylist([{"value": value, "ad": ad} for value, ad in rows], schema=schema)


def event(offset: int, user: int, ad: str = "a") -> dict[str, Any]:
    return {"offset": offset, "user": user, "ad": ad}


def test_values_come_from_the_erased_rows_alone() -> None:
    known = ErasedRows([mark(("user",), Mark("events", "p", 1, ((3, 4),)), Mark("side", "", 2))])
    known.note("p", pa.Table.from_pylist([event(2, 1), event(3, 2)]))
    known.note("q", pa.Table.from_pylist([event(3, 9)]))
    assert known.values(SIDE) == [{"value": {2}}]
    wanted, held = side((1, "a"), (2, "a"), (2, "b"), (None, "a")), side((1, "a"), (2, "b"))
    assert known.without("side", SIDE, wanted, held).to_pylist() == side((1, "a"), (2, "b"), (None, "a")).to_pylist()
    assert known.counts == {"events": 1, "side": 2}
    assert known


def test_more_missing_rows_than_were_erased_are_all_told() -> None:
    known = ErasedRows([mark(("user",), Mark("events", "p", 1, ((3, 4),)), Mark("side", "", 1))])
    known.note("p", pa.Table.from_pylist([event(3, 2)]))
    wanted = side((2, "a"), (2, "b"))
    assert known.without("side", SIDE, wanted, side()).equals(wanted)


def test_a_side_table_without_the_columns_of_an_erasure_is_not_touched_by_it() -> None:
    known = ErasedRows([mark(("kind",), Mark("events", "p", 1, ((3, 4),)))])
    known.note("p", pa.Table.from_pylist([{"offset": 3, "kind": "a"}]))
    assert known.values(SIDE) == []
    assert not ErasedRows([])


def test_the_side_tables_of_a_pipeline_tell_their_columns(template: Audited) -> None:
    assert side_tables(template.plan) == {
        "per_ad_users_distinct": SideTable("per_ad", "users", {"ad": "ad", "user": "value"})
    }


def test_a_take_over_says_that_ids_of_erased_events_are_lost_with_the_source(lake: Audited) -> None:
    erased(lake, '"user" = 1')
    source = LosingSource(read_folder(lake.input), (7,))
    source.low = RECORDS
    told = {each.partition: each.how for each in taken_from(lake, source)}
    assert "ids of late events, and those of 15 erased events are lost with the source's records" in told["left"]
