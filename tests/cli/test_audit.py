"""`tidemill audit` as a user runs it."""

import json
import subprocess

import pytest

from runtime.ports import free_ports
from tests.proof import audited
from tests.proof.audited import Audited, without


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Audited:
    return Audited(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def lake(template, tmp_path) -> Audited:
    return template.copy(tmp_path)


def tidemill(lake: Audited, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the lake's folder."""
    return audited.tidemill(lake.folder, *arguments, source="files", input="input")


def test_a_correct_lake_is_proven_and_a_damaged_one_is_not(lake):
    good = tidemill(lake, "audit")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.splitlines()[-1] == "proven: every record of the source is in the lake exactly once"
    lake.rewrite("events", without(0), cunning=True)
    bad = tidemill(lake, "audit", "--json")
    assert bad.returncode == 1
    (finding,) = json.loads(bad.stdout)["findings"]
    assert (finding["kind"], finding["table"]) == ("missing", "events")
    (where,) = finding["ranges"]
    text = tidemill(lake, "audit", "--partition", where["partition"]).stdout
    assert f"DIFFERENCE missing: events: {where['partition']} [{where['start']}, {where['end']})" in text
    assert "NOT PROVEN windows" in text
    assert text.splitlines()[-1] == "1 difference between the lake and its source"


@pytest.mark.parametrize("command", [("audit", "--json"), ("recover", "--from-lake"), ("produce", "--count", "1")])
def test_what_kafkas_client_warns_of_is_logged_and_no_part_of_the_answer(lake, command):
    port, *_ = free_ports(1)
    silent = audited.tidemill(lake.folder, *command, source="kafka", brokers=f"127.0.0.1:{port}", topic="small")
    assert (silent.returncode, silent.stdout) == (3, "")
    first, *_ = silent.stderr.splitlines()
    assert json.loads(first)["event"] == "kafka_trouble"


def test_an_audit_that_compares_no_record_says_so_and_fails(lake):
    (lake.folder / "other").mkdir()
    (lake.folder / "other" / "clicks.ndjson").write_text("{}\n")
    wrong = audited.tidemill(lake.folder, "audit", source="files", input="other")
    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert wrong.stdout.splitlines()[-1] == (
        "nothing proven: none of 120 records was compared (left [0, 60) against its source: the source has clicks, and "
        "not this one); name the folder of files that filled the lake, with left in it: --source files --input FOLDER"
    )
    machine = audited.tidemill(lake.folder, "audit", "--json", source="files", input="other")
    assert (machine.returncode, json.loads(machine.stdout)["proven"]) == (1, False)
