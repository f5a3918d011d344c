"""What the doctor says of a lake from which things leave, in all its checks."""

from pathlib import Path

import pytest

from doctor.examination import diagnose
from doctor.finding import Severity
from doctor.retention import retention_finding
from query.definition import lake_definition
from query.reader import LakeReader
from runtime.settings import load_settings
from tests.proof.audited import Audited
from tests.proof.leaving import Kept
from tests.sinks.lake.upkeep.leaving import MINUTE_MS, Hit, Leaving, plan_of

FILE = "from tests.proof.audited import pipeline as make\nfrom tests.proof.leaving import keeping\n\n"


def told(folder: Path) -> str:
    with LakeReader(folder) as reader:
        finding = retention_finding(reader, lake_definition(reader))
    assert finding.severity is Severity.OK
    return finding.message


def test_without_keep_everything_stays(tmp_path: Path) -> None:
    Leaving(tmp_path / "lake", plan_of())
    assert told(tmp_path / "lake") == "everything stays for ever"


def test_each_table_is_told_with_its_border_and_what_holds_it(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of("32m", events_keep="160m"))
    lake.commit([], "t/1")
    assert "nothing may before every source partition has had an event" in told(lake.folder)
    lake.commit([Hit("a", 0, 1)], "t/1")
    for minute in range(0, 300, 10):
        lake.commit([Hit("a", minute * MINUTE_MS, 1)])
    lake.compact()
    assert "(nothing has left, held back by a source partition that stands at 1970-01-01 00:00:00)" in told(lake.folder)
    lake.commit([], "t/1", finished=True)
    lake.compact()
    assert told(lake.folder) == (
        "events stays for 160m (left up to 1970-01-01 02:10:00); "
        "minutes stays for 32m (left up to 1970-01-01 04:18:00); "
        "visits stays for 32m (left up to 1970-01-01 04:18:00)"
    )
    lake.restart(plan_of("32m"))
    assert told(lake.folder).endswith("events has left up to 1970-01-01 02:10:00 and stays from there on")


@pytest.mark.parametrize("keeps", [False, True], ids=["all_stays", "some_left"])
def test_what_has_left_is_no_fault_in_any_check(tmp_path: Path, keeps: bool) -> None:
    lake = Kept(tmp_path) if keeps else Audited(tmp_path)
    arguments = "**keeping()" if keeps else ""
    (tmp_path / "small.py").write_text(f"{FILE}pipeline = make({arguments})\n")
    names = {"pipeline": str(tmp_path / "small.py"), "source": "files", "input": lake.input, "lake": lake.lake}
    settings = load_settings({**names, "recovery": tmp_path / "none"}, {}, tmp_path)
    from tests.harness import NOW

    found = {each.check: each for each in diagnose(settings, lambda: NOW)}
    assert found["pipeline.definition"].severity is Severity.OK
    assert ("left up to" in found["retention"].message) == keeps
    for check in ("rollups", "files.missing", "files.orphans", "windows.per_ad", "windows.visits", "retention"):
        assert found[check].severity is Severity.OK, found[check]
