"""`tidemill replay --check` as a user runs it."""

import json
import subprocess
from pathlib import Path

import pytest

from cli import replay
from cli.main import main
from tests.proof import audited
from tests.proof.audited import Audited, doubled, with_value, without


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Audited:
    return Audited(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def lake(template, tmp_path) -> Audited:
    return template.copy(tmp_path)


def tidemill(lake: Audited, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the lake's folder."""
    return audited.tidemill(lake.folder, *arguments, source="files", input="input")


@pytest.mark.parametrize("more", [(), ("--workers", "2"), ("--processes", "2")], ids=["1", "2_workers", "2_processes"])
def test_a_replay_equals_the_lake_with_any_number_of_workers(lake, more):
    done = tidemill(lake, "replay", "--check", "--json", *more)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["equal"]
    rows = {table["table"]: table["rows"] for table in found["tables"]}
    assert min(rows.values()) > 0
    assert rows.keys() == {
        "per_ad", "moving", "visits", "events", "late_events", "dead_letters", "counts", "counts_rollup"
    }  # fmt: skip
    assert all(table["hash_live"] == table["hash_replayed"] for table in found["tables"])


def test_a_replay_reports_what_was_planted_and_keeps_the_other_lake(lake):
    lake.rewrite("dead_letters", with_value(0, value=b"{{"), cunning=True)
    lake.rewrite("moving_delta", doubled(0), cunning=True)
    done = tidemill(lake, "replay", "--check", "--keep", "again")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines if "NO, " in line} == {"moving", "dead_letters"}
    assert lines[-1].endswith("the lake differs; `tidemill audit` names the place")
    assert (lake.folder / "again" / "lake" / "catalog.sqlite").exists()
    assert tidemill(lake, "audit", "--lake", "again/lake").returncode == 0
    again = tidemill(lake, "replay", "--check", "--keep", "again")
    assert (again.returncode, again.stderr.strip()) == (
        2,
        "error: --keep = 'again': is there already; name a new folder",
    )


def test_a_limit_of_dead_letters_is_that_of_the_run_and_not_of_its_replay(lake):
    done = audited.tidemill(lake.folder, "replay", "--check", source="files", input="input", fail_dead="0%")
    assert done.returncode == 0, done.stderr


def test_a_part_of_the_lake_is_replayed_from_its_beginning(lake):
    lake.rewrite("events", without(0), cunning=True)
    done = tidemill(lake, "replay", "--check", "--from", "20", "--to", "40", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [table["table"] for table in found["tables"]] == ["events", "late_events", "dead_letters"]
    assert found["ranges"][0] == {"partition": "left", "start": 20, "end": 40, "replayed_from": 0}
    assert [each.partition(":")[0] for each in found["not_compared"]] == ["windows and counts"]


def test_a_replay_that_cannot_run_says_why(lake):
    (lake.input / "left.ndjson").unlink()
    done = tidemill(lake, "replay", "--check")
    assert done.returncode == 2
    assert "error: ranges = 'left': the source has no such partition" in done.stderr
    assert tidemill(lake, "replay").returncode == 2


def test_a_rollup_that_was_taken_out_of_the_file_is_named_before_anything_is_read(lake):
    (lake.folder / "less.py").write_text(
        "from tests.proof.audited import pipeline as make\n\npipeline = make(rollups=[*make().rollups][:-1])\n"
    )
    done = tidemill(lake, "replay", "--check", "--pipeline", "less.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: pipeline = 'less.py': the lake has visits, which this file has no longer" in done.stderr


def test_a_replay_that_is_killed_says_by_which_signal(lake, monkeypatch, capsys):
    monkeypatch.chdir(lake.folder)
    monkeypatch.setattr(replay, "_run", lambda _: -9)
    Path("small.py").write_text("from tests.proof.audited import pipeline as make\n\npipeline = make()\n")
    with pytest.raises(SystemExit) as ended:
        main(arguments=["replay", "--check", "--pipeline", "small.py", "--source", "files", "--input", "input"])
    assert ended.value.code == 137
    assert "error: the replay was killed by SIGKILL" in capsys.readouterr().err
