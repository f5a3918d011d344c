"""What doctor says of offsets that were gone before they were read."""

from pathlib import Path

from doctor.finding import Severity
from doctor.lost_offsets import lost_finding
from query.reader import LakeReader
from tests.query.lakes import T0, LakeMaker, ledger


def test_lost_offsets_are_counted_and_their_places_named(tmp_path: Path) -> None:
    with LakeMaker(tmp_path / "lake") as lake, LakeReader(lake.folder) as reader:
        lake.commit({"ledger": [ledger("ads/0", 0, 5, T0)]})
        assert lost_finding(reader.snapshot()).message == "no offset was lost before it was read"
        gap = ledger("ads/0", 5, 25, None, read=0, accepted=0, lost=20)
        lake.commit({"ledger": [gap, ledger("ads/0", 25, 30, T0)]})
        finding = lost_finding(reader.snapshot())
    assert finding.severity == Severity.OK
    assert "20 offsets in 1 gap are in no table" in finding.message
    assert "ads/0 [5, 25)" in finding.message
    assert finding.details["offsets"] == 20
    assert finding.details["ranges"][0] | {"at": ""} == {"partition": "ads/0", "start": 5, "end": 25, "at": ""}
