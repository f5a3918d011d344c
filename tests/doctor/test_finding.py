"""What an examination finds, for people, programs and the exit code."""

from doctor.finding import Severity, error, ok, warning, worst


def test_the_exit_code_is_that_of_the_worst_finding() -> None:
    findings = [ok("a", "fine"), error("b", "broken", "mend it"), warning("c", "soon", "look")]
    assert worst(findings) is Severity.ERROR
    assert (int(worst(findings)), int(worst(findings[:1])), int(worst([]))) == (2, 0, 0)
    assert worst(findings[2:]) is Severity.WARNING


def test_only_what_is_not_well_has_a_fix() -> None:
    assert ok("a", "fine").fix is None
    assert (warning("c", "soon", "look").fix, error("b", "broken", "mend it").fix) == ("look", "mend it")


def test_a_finding_is_json_with_its_details() -> None:
    assert warning("disk.lake", "low", "free space", free_bytes=5).to_json() == {
        "check": "disk.lake",
        "severity": "warning",
        "message": "low",
        "fix": "free space",
        "details": {"free_bytes": 5},
    }
