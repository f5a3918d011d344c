"""A report's findings, as tests ask for them."""

from proof.audit.report import Finding, Report


def kinds(report: Report) -> set[tuple[str, str]]:
    """(kind, table) of all findings."""
    return {(finding.kind, finding.table) for finding in report.findings}


def the(report: Report, kind: str, table: str) -> Finding:
    """The one finding of a kind and table."""
    (finding,) = [each for each in report.findings if (each.kind, each.table) == (kind, table)]
    return finding


def one_range(finding: Finding) -> tuple[str, int, int]:
    """The one range of a finding."""
    (found,) = finding.ranges
    return found.partition, found.start, found.end
