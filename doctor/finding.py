"""What an examination finds: one check, how bad it is, what is and how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Severity(IntEnum):
    """How bad a finding is; the number is the exit code of `tidemill doctor`."""

    OK = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result. `message` is one sentence; `fix` says what to do, None where all is well.

    `details` are JSON values for programs.
    """

    check: str
    severity: Severity
    message: str
    fix: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """{check, severity, message, fix, details} as JSON values."""
        return {
            "check": self.check,
            "severity": self.severity.name.lower(),
            "message": self.message,
            "fix": self.fix,
            "details": self.details,
        }


def ok(check: str, message: str, **details: object) -> Finding:
    """All is well."""
    return Finding(check, Severity.OK, message, None, details)


def warning(check: str, message: str, fix: str, **details: object) -> Finding:
    """It works, and will not for ever, or not as wished."""
    return Finding(check, Severity.WARNING, message, fix, details)


def error(check: str, message: str, fix: str, **details: object) -> Finding:
    """It does not work, or data is at risk."""
    return Finding(check, Severity.ERROR, message, fix, details)


def worst(findings: Iterable[Finding]) -> Severity:
    """The highest severity of all; OK if there is none."""
    return max((finding.severity for finding in findings), default=Severity.OK)
