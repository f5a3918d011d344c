"""Copies of dimension files: whole, named after their content, written once and never removed."""

import hashlib
from pathlib import Path

import pytest

from dataflow.errors import LakeUnwritable
from dataflow.pipeline.dimension_file import KEPT_BYTES
from dataflow.pipeline.plan import make_plan
from sinks.lake.dimensions import KeptDimensions, keep_dimensions, keep_files
from tests.ducklake_client import ducklake_query
from tests.harness import Product
from tests.model import small
from tests.model.pipelines import WINDOWS
from tests.model.spec import AggregateSpec, PipelineSpec, Record, RollupSpec
from tests.model.streams import Cuts
from tests.small_event import to_pipeline

ONE, OTHER = b"ad,campaign,tier\nx,c1,1\n", b"ad,campaign,tier\ny,c2,2\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def names(lake: Path) -> set[str]:
    return {path.name for path in (lake / "dimensions").iterdir()}


def test_a_copy_is_named_after_its_content_and_read_back(tmp_path: Path) -> None:
    keep_files(tmp_path, [ONE, OTHER])
    assert names(tmp_path) == {f"{sha256(ONE)}.csv", f"{sha256(OTHER)}.csv"}
    kept = KeptDimensions(tmp_path)
    assert (kept(sha256(ONE)), kept(sha256(b"another"))) == (ONE, None)


def test_a_copy_that_is_there_is_used_again_and_a_damaged_one_written_anew(tmp_path: Path) -> None:
    keep_files(tmp_path, [ONE])
    path = tmp_path / "dimensions" / f"{sha256(ONE)}.csv"
    before = path.stat().st_ino
    keep_files(tmp_path, [ONE])
    assert path.stat().st_ino == before
    path.write_bytes(ONE[:-1])
    assert KeptDimensions(tmp_path)(sha256(ONE)) is None
    keep_files(tmp_path, [ONE])
    assert path.read_bytes() == ONE


def test_what_a_kill_left_of_a_copy_goes_with_the_next_one_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def die(point: str) -> None:
        if point == "in_dimension":
            raise Killed

    with pytest.raises(Killed):
        keep_files(tmp_path, [ONE], die)
    (left,) = names(tmp_path)
    assert left.startswith(f"{sha256(ONE)}.csv.")
    (tmp_path / "dimensions" / "notes.txt").write_text("mine")
    keep_files(tmp_path, [OTHER])
    assert names(tmp_path) == {f"{sha256(OTHER)}.csv", "notes.txt"}


def test_a_disk_that_refuses_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "dimensions").write_text("in the way")
    with pytest.raises(LakeUnwritable, match=r"cannot keep a copy of a dimension's file as .*nothing was read\. Free"):
        keep_files(tmp_path, [ONE])


def spec(number: int = 0) -> PipelineSpec:
    rollup = RollupSpec("r", ("campaign",), WINDOWS[0], {"n": AggregateSpec("count")})
    rows = small.OTHER_DIMENSION_ROWS[number]
    return PipelineSpec(small.FIELDS, (rollup,), dimensions=(small.dimension(unknown_is_dead=False, rows=rows),))


@pytest.mark.parametrize(("more", "copies"), [(0, 1), (1, 0)])
def test_a_file_is_copied_up_to_a_size_and_of_a_larger_one_the_rules_have_the_digest_alone(
    tmp_path: Path, more: int, copies: int
) -> None:
    pipeline = to_pipeline(spec(), tmp_path)
    (path,) = tmp_path.glob("ads-*.csv")
    head, tail = b"ad,campaign,tier\nq,", b",1\n"
    path.write_bytes(head + b"c" * (KEPT_BYTES + more - len(head) - len(tail)) + tail)
    plan = make_plan(pipeline, tmp_path)
    keep_dimensions(tmp_path / "lake", plan)
    assert (plan.rules.dimensions or ())[0].sha256 == sha256(path.read_bytes())
    assert len(list((tmp_path / "lake").glob("dimensions/*"))) == copies


def test_rules_that_name_a_file_without_a_copy_are_told_unless_it_is_the_plans_own(tmp_path: Path) -> None:
    old, new = (make_plan(to_pipeline(spec(number), tmp_path), tmp_path) for number in (0, 1))
    kept = KeptDimensions(tmp_path / "lake")
    assert [each.sha256 for each in kept.lacking(old.rules, new)] == [old.dimensions[0].digest]
    assert kept.lacking(new.rules, new) == []
    assert kept.lacking(None, new) == kept.lacking(old.rules._replace(dimensions=None), new) == []
    keep_dimensions(tmp_path / "lake", old)
    assert kept.lacking(old.rules, new) == []


@pytest.mark.ducklake
def test_the_official_client_takes_no_copy_for_an_orphan(tmp_path: Path) -> None:
    records = {"t/0": [Record(0, b'{"id":"a","time":1,"kind":"a","ad":"x"}')]}
    Product(to_pipeline(spec(), tmp_path), tmp_path, records, tmp_path).run(Cuts())
    before = names(tmp_path / "lake")
    assert len(before) == 1
    (listed, _) = ducklake_query(
        tmp_path / "lake",
        [
            "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true, dry_run => true)",
            "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)",
        ],
        writable=True,
    )
    assert [row for row in listed if "dimensions" in str(row)] == []
    assert names(tmp_path / "lake") == before
