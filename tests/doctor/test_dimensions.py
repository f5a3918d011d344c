"""Copies of dimension files as the doctor tells them: there, gone, damaged, and not needed."""

from dataclasses import replace
from pathlib import Path

from doctor.dimensions import dimensions_finding
from doctor.finding import Severity
from query.reader import LakeReader
from sinks.lake.names import dimension_path
from tests.harness import Product
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.sinks.lake.test_dimensions import spec
from tests.small_event import to_pipeline

RECORDS = {"t/0": [Record(at, b'{"id":"a","time":1,"kind":"a","ad":"x"}') for at in range(4)]}


def test_copies_are_counted_and_one_that_is_gone_or_damaged_is_a_warning(tmp_path: Path) -> None:
    first, other = (to_pipeline(spec(number), tmp_path) for number in (0, 1))
    product = Product(first, tmp_path, RECORDS, tmp_path, [other])
    product.run(Cuts((("poll", 0, 2), ("epoch", 0, 0), ("epoch", 0, 0), ("rules", 1, 0))))
    old, new = product.plans
    lake = tmp_path / "lake"
    copy = dimension_path(lake, old.dimensions[0].digest)
    content = copy.read_bytes()
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        found = dimensions_finding(snapshot, lake, new)
        assert found.severity is Severity.OK
        assert found.message.startswith("copies of 2 files that rows were joined with (")
        for damage in (lambda: copy.write_bytes(content[1:]), copy.unlink):
            damage()
            found = dimensions_finding(snapshot, lake, new)
            assert found.severity is Severity.WARNING
            assert f"of 1 file there is none, or it is damaged: ads by {copy}" in found.message
            # where the pipeline itself has it, nothing is lost
            assert dimensions_finding(snapshot, lake, old).severity is Severity.OK
        assert dimensions_finding(snapshot, lake, None).severity is Severity.WARNING


def test_a_pipeline_without_dimensions_has_nothing_to_keep(tmp_path: Path) -> None:
    plain = replace(spec(), dimensions=(), rollups=(replace(spec().rollups[0], keys=("ad",)),))
    Product(to_pipeline(plain, tmp_path), tmp_path, RECORDS, tmp_path).run(Cuts())
    with LakeReader(tmp_path / "lake") as reader:
        found = dimensions_finding(reader.snapshot(), tmp_path / "lake", None)
    assert found.message == "no line of the ledger names a dimension's file"
    assert not (tmp_path / "lake" / "dimensions").exists()
