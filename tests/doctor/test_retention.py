"""What the doctor says of a lake from which things leave, in all its checks."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from doctor.compaction import compaction_finding
from doctor.examination import diagnose
from doctor.finding import Severity
from doctor.retention import retention_finding
from doctor.windows_open import open_windows
from query.definition import lake_definition
from query.lateness import lateness
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


def test_a_lake_of_an_earlier_version_that_no_run_has_opened_since_keeps_everything(tmp_path: Path) -> None:
    stored = Path(__file__).parents[1] / "stored" / "first" / "lake"
    assert told(Path(shutil.copytree(stored, tmp_path / "lake"))) == "everything stays for ever"


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


def test_rows_of_windows_that_have_left_are_in_no_check_and_no_lateness(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of("32m"))
    lake.commit([Hit("a", 0, 1), Hit("a", 100 * MINUTE_MS, 1)])
    lake.commit([Hit("a", 101 * MINUTE_MS, 1)])
    lake.compact()
    with LakeReader(lake.folder) as reader:
        snapshot, facts = reader.snapshot(), lake_definition(reader)
        held = snapshot.query("SELECT count(*) AS n FROM minutes_delta").to_pylist()[0]["n"]
        assert held == 3
        for name in ("minutes", "visits"):
            found = open_windows(snapshot, facts.by_name[name], -(10**20))
            assert found is not None
            assert (found.count, found.start_ms) == (2, 100 * MINUTE_MS)
            (told_of,) = lateness(reader, rollup=name)
            assert told_of.closed_windows <= 2


def test_files_of_an_ended_step_wait_since_the_next_one_began(tmp_path: Path) -> None:
    lake = Leaving(tmp_path / "lake", plan_of("160m"))
    for minute in (1, 2, 3, 15):
        lake.commit([Hit("a", minute * MINUTE_MS, 1)])
    last = lake.clock.now
    with LakeReader(lake.folder) as reader:
        now = last + timedelta(hours=1)
        finding = compaction_finding(
            reader, lake_definition(reader), None, now, run_since=last - timedelta(days=1), every="30s"
        )
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("no compaction for 1 h though a run is on: 12 files in 4 tables wait")
    lake.compact()
    with LakeReader(lake.folder) as reader:
        assert reader.snapshot().query("SELECT count(*) AS n FROM minutes").to_pylist() == [{"n": 4}]
        assert {name: len(reader.snapshot().files(name)) for name in ("minutes_delta", "events")} == {
            "minutes_delta": 2,
            "events": 4,
        }


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
