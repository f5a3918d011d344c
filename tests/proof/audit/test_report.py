"""What an audit found: neighbours joined, many of a kind only counted, readable by people and programs."""

import json
from pathlib import Path

from proof.audit.report import KEPT_PER_KIND, Finding, OffsetRange, Report, Unproven
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


def at(start: int, end: int, partition: str = "p", detail: str = "gone") -> Finding:
    return Finding("missing", "events", detail, (OffsetRange(partition, start, end),))


def told(*findings: Finding) -> list[str]:
    report = Report(1)
    for finding in findings:
        report.add(finding)
    return [str(each.ranges[0]) for each in report.findings]


def test_findings_that_continue_one_another_are_joined() -> None:
    assert told(at(1, 2), at(2, 3), at(3, 9)) == ["p [1, 9)"]


def test_a_hole_another_partition_or_another_reason_keeps_them_apart() -> None:
    assert told(at(1, 2), at(3, 4)) == ["p [1, 2)", "p [3, 4)"]
    assert told(at(1, 2), at(2, 3, "q")) == ["p [1, 2)", "q [2, 3)"]
    assert told(at(1, 2), at(2, 3, detail="cut")) == ["p [1, 2)", "p [2, 3)"]


def test_of_very_many_findings_of_a_kind_the_rest_is_counted() -> None:
    report = Report(1)
    for number in range(KEPT_PER_KIND + 3):
        report.add(at(2 * number, 2 * number + 1))
    report.add(Finding("gap", "ledger", "other"))
    assert len(report.findings) == KEPT_PER_KIND + 1
    assert "DIFFERENCE missing: events: 3 more" in report.lines()
    assert report.lines()[-1] == f"{KEPT_PER_KIND + 4} differences between the lake and its source"
    assert report.as_json()["findings_left_out"] == 3


def test_the_last_line_is_the_verdict() -> None:
    report = Report(1, records=5, compared=5)
    assert report.lines()[-1] == "proven: every record of the source is in the lake exactly once"
    report.unproven.append(Unproven("windows", "a part was asked for"))
    assert report.as_json()["proven"] is True
    assert report.lines()[-2:] == [
        "NOT PROVEN windows: a part was asked for",
        "no difference; what is NOT PROVEN was not compared with the source",
    ]
    report.add(at(1, 2))
    assert report.as_json()["proven"] is False
    assert report.lines()[-1] == "1 difference between the lake and its source"


def test_a_window_is_named_by_key_and_time() -> None:
    finding = Finding("window", "t", "n is 1", (OffsetRange("p", 1, 2),), ("main/t/x",), {"ad": None}, (0, 60))
    assert str(finding) == "window: t: ad=None; window [0, 60) ms; p [1, 2): n is 1\n    file main/t/x"


def test_without_a_record_compared_nothing_is_proven_and_that_is_said() -> None:
    report = Report(1, records=1234)
    report.unproven += [Unproven("bytes of x", "no digest"), Unproven("a [0, 9)", "the source has b", "name a")]
    assert not report.is_proven
    assert report.verdict == ("nothing proven: none of 1,234 records was compared (a [0, 9): the source has b); name a")
    told = report.as_json()
    assert (told["proven"], told["records"], told["compared"], told["verdict"]) == (False, 1234, 0, report.verdict)
    report.unproven.clear()
    assert report.verdict == "nothing proven: none of 1,234 records was compared (the source gave none)"
    report.add(at(1, 2))
    assert report.verdict == "1 difference between the lake and its source"


def test_a_lake_without_records_has_nothing_to_prove_and_that_is_no_failure() -> None:
    report = Report(1)
    assert report.is_proven
    assert report.lines()[-1] == "nothing to prove: the lake has read no record there"
