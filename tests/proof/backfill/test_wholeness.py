"""Which rollups a replay, which has them from the start, can be compared with."""

from pathlib import Path
from typing import Any

from proof.backfill.wholeness import NotWhole, not_whole
from query.reader import LakeReader
from tests.proof.audited import pipeline
from tests.proof.backfill.grown import Grown
from tests.proof.backfill.worlds import grown, only

CALM: dict[str, Any] = {"out_of_orderness": "40s"}


def asked(lake: Grown) -> NotWhole:
    with LakeReader(lake.lake) as reader:
        return not_whole(reader.snapshot())


def test_a_rollup_that_came_later_is_not_compared_before_and_is_after_it_was_filled(tmp_path: Path) -> None:
    lake = grown(tmp_path, only("per_ad", "moving", **CALM), pipeline(**CALM))
    found = asked(lake)
    assert found.rollups == {"visits": "37 events were read without it; see `tidemill backfill`"}
    assert found.tables.keys() == {"events", "counts"}
    lake.fill("visits")
    assert asked(lake) == NotWhole()


def test_records_that_had_been_late_for_all_others_are_a_reason(tmp_path: Path) -> None:
    lake = grown(tmp_path, only("per_ad"), pipeline(), at=18)
    missed = lake.fill("visits").missed
    lake.fill("moving")
    found = asked(lake)
    assert found.rollups["visits"] == f"{missed} records had been late for all others when it came"
    assert found.tables["events"] == "which records are late depends on moving, visits, which came later"
