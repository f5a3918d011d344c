"""What an audit found: neighbours joined, many of a kind only counted, readable by people and programs."""

import json
from pathlib import Path

from tests.proof.audited import RECORDS, with_value, without


def test_findings_are_machine_readable(lake):
    lake.rewrite("per_ad_delta", with_value(0, n=99), cunning=True)
    lake.rewrite("events", without(0), cunning=False)
    found = json.loads(json.dumps(lake.audit().as_json()))
    assert found["proven"] is False
    window = next(each for each in found["findings"] if each["kind"] == "window")
    assert window["window_end"] - window["window_start"] == 10_000
    assert all((lake.lake / "main" / "per_ad_delta" / Path(each).name).is_file() for each in window["files"])
    assert len(window["files"]) > 0
    assert window["ranges"][0].keys() == {"partition", "start", "end"}
    assert found["partitions"]["left"]["read"] == RECORDS
