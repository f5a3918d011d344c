"""`tidemill rules test`: what is refused. The cases of docs/rules.md are played by tests/test_rules_page.py."""

from pathlib import Path

import pytest

from tests.cli.started import Tidemill

ADS = str(Path(__file__).parents[2] / "pipelines" / "ads.py")

JOB = """
from pydantic import BaseModel
from tidemill import EventTime, Pipeline, alerts
from tidemill import aggregates as agg
from tidemill.windows import tumble

class Click(BaseModel):
    at: EventTime

many = alerts.threshold("many", keys=[], window=tumble("1s"), aggregates={"n": agg.count()}, having="n > 1")
pipeline = Pipeline("p", Click, [], alerts=[many])
"""


@pytest.fixture
def job(tmp_path: Path) -> str:
    path = tmp_path / "job.py"
    path.write_text(JOB)
    return str(path)


def test_a_pipeline_without_rules_has_nothing_to_try(tidemill: Tidemill, tmp_path: Path) -> None:
    code, _, err = tidemill("rules", "test", str(tmp_path / "x.ndjson"), "--pipeline", ADS)
    assert code == 2
    assert "it has no alert rule; declare one with alerts=[...]" in err


def test_a_file_that_is_not_there_is_named(tidemill: Tidemill, tmp_path: Path, job: str) -> None:
    code, _, err = tidemill("rules", "test", str(tmp_path / "x.ndjson"), "--pipeline", job)
    assert code != 0
    assert f"there is no file {tmp_path / 'x.ndjson'}; name one with a record per line" in err


@pytest.mark.timeout(120)
def test_alerts_and_what_was_read_are_told(tidemill: Tidemill, tmp_path: Path, job: str) -> None:
    file = tmp_path / "x.ndjson"
    file.write_text('{"at": 1}\n{"at": 2}\n{"at": "x"}\n{"at": 1500}\n')
    code, out, err = tidemill("rules", "test", str(file), "--pipeline", job)
    assert code == 0, err
    assert out == "raised medium many [1970-01-01 00:00:00, 1970-01-01 00:00:01) many: n > 1\n"
    assert err.endswith("1 alert of 4 records, 1 of them dead letters\n")


@pytest.mark.timeout(120)
def test_rules_that_wait_say_how_far_they_have_judged(tidemill: Tidemill, tmp_path: Path) -> None:
    job, file = tmp_path / "job.py", tmp_path / "x.ndjson"
    quiet = 'alerts.silence("quiet", key=[], after="1s", message="{events} until {window_end}")'
    job.write_text(JOB.replace("alerts=[many]", f"alerts=[many, {quiet}]"))
    file.write_text('{"at": 1}\n{"at": 1500}\n{"at": 2600}\n')
    code, out, err = tidemill("rules", "test", str(file), "--pipeline", str(job))
    assert code == 0, err
    # what the last event begins is not over
    assert [line.split(") ")[1] for line in out.splitlines()] == [
        "1 until 1970-01-01 00:00:01.001",
        "1 until 1970-01-01 00:00:02.500",
    ]
    assert "judged up to the time that the file's events have reached: quiet\n" in err
