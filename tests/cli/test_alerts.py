"""`tidemill alerts`: the list in every form, and those that change while one looks."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.started import Tidemill
from tests.query.test_alerts import Growing

ROOT = Path(__file__).parents[2]


@pytest.fixture
def alerting(tmp_path: Path) -> Iterator[Growing]:
    made = Growing(tmp_path / "alerting")
    made.add(("b", 2, 1), ("a", 1, 7), ("a", 5, 1))
    made.add(("b", 2, 1))
    yield made
    made.writer.close()


def test_alerts_are_listed_newest_first(tidemill: Tidemill, alerting: Growing) -> None:
    code, out, _ = tidemill("alerts", "--lake", str(alerting.folder), "--format", "csv")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "alert_id,state,rule,severity,key,window_start,window_end,values,message,change,quiet"
    assert [line.split(",")[1:4] for line in lines[1:]] == [
        ["raised", "odd", "medium"],
        ["retracted", "odd", "medium"],
        ["raised", "many", "high"],
    ]


def test_json_is_an_object_a_line(tidemill: Tidemill, alerting: Growing) -> None:
    _, out, _ = tidemill("alerts", "--lake", str(alerting.folder), "--json", "--rule", "many")
    (row,) = map(json.loads, out.splitlines())
    assert (row["state"], row["message"], json.loads(row["key"])) == ("raised", "a: 7", {"ad": "a"})


def test_a_rule_that_is_not_there_is_refused(tidemill: Tidemill, alerting: Growing) -> None:
    code, _, err = tidemill("alerts", "--lake", str(alerting.folder), "--rule", "man")
    assert (code, err) == (2, "error: --rule = 'man': the lake's pipeline has no such rule; did you mean many?\n")


def test_a_lake_without_rules_says_so(tidemill: Tidemill) -> None:
    code, _, err = tidemill("alerts")
    assert code != 0
    assert "the lake has no alerts, since its pipeline has no alert rule" in err


def test_follow_takes_no_flags_of_a_list(tidemill: Tidemill, alerting: Growing) -> None:
    code, _, err = tidemill("alerts", "--lake", str(alerting.folder), "--follow", "--limit", "3")
    assert (code, err) == (2, "error: --limit = 3: is for a list; with --follow, leave it out\n")


@pytest.mark.timeout(120)
def test_follow_tells_each_alert_as_its_commit_comes(alerting: Growing) -> None:
    code = "import sys; from cli.main import main; main(arguments=sys.argv[1:])"
    command = [sys.executable, "-c", code, "alerts", "--follow", "--lake", str(alerting.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        window = "[1970-01-01 00:01:00, 1970-01-01 00:02:00)"
        assert following.stdout.readline() == f"raised high many {window} a: 7\n"
        assert following.stdout.readline().startswith("retracted medium odd ")
        assert following.stdout.readline().startswith("raised medium odd ")
        alerting.add(("c", 7, 9))
        assert following.stdout.readline().rstrip().endswith("c: 9")
        alerting.add(("c", 8, 2))
        alerting.add(("b", 2, 1))
        assert following.stdout.readline().startswith("raised medium odd [1970-01-01 00:02:00")
        following.send_signal(signal.SIGINT)
        out, err = following.communicate()
        assert (following.returncode, out, err) == (0, "", "")
