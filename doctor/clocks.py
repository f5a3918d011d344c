"""Clocks against each other: this machine's, the lake's last commit, the broker's."""

from datetime import datetime

from dataflow.spoken import moment, span
from doctor.finding import Finding, ok, warning
from query.moment import to_ms

TOLERANCE_MS = 5_000


def lake_clock_finding(last: datetime | None, now: datetime) -> Finding:
    """Whether the lake's newest time lies in the future: then a clock was set back."""
    check = "clock.lake"
    if last is None:
        return ok(check, "the lake has no commit to compare the clock with")
    ahead = to_ms(last) - to_ms(now)
    details = {"now": now.isoformat(), "lake": last.isoformat(), "ahead_ms": ahead}
    if ahead > TOLERANCE_MS:
        return warning(
            check,
            f"the lake's last commit ({moment(last)}) is {span(ahead)} ahead of this machine's clock ({moment(now)}): "
            "the clock was set back",
            "correct the clock (NTP); the tables are not touched by it, but idle_timeout and --as-of TIME go by it",
            **details,
        )
    return ok(check, f"the lake's last commit, {moment(last)}, is not ahead of this machine's clock", **details)


def broker_clock_finding(stamp_ms: int | None, source: str, exact: bool, now: datetime) -> Finding:
    """Whether the broker's clock is ahead of ours, by the newest stamp it gave.

    `source` says what was stamped; `exact` is False where producers may have written the stamp themselves. An older
    stamp tells nothing: there is no way to ask a broker for its time without writing.
    """
    check = "clock.broker"
    if stamp_ms is None:
        return ok(check, f"cannot be compared without writing: {source} holds no stamp")
    ahead = stamp_ms - to_ms(now)
    details = {"stamp_ms": stamp_ms, "by": source, "exact": exact, "ahead_ms": ahead}
    if ahead > TOLERANCE_MS:
        whose = "the broker's clock" if exact else "a producer's (or the broker's) clock"
        return warning(
            check,
            f"{whose} is at least {span(ahead)} ahead of this machine's, by {source} ({moment(stamp_ms)})",
            "correct the clocks of both machines (NTP): max_future compares event times with such stamps",
            **details,
        )
    hint = "" if exact else ", which is only a hint"
    return ok(
        check,
        f"not ahead of this machine's, by {source} ({moment(stamp_ms)}, {span(max(0, -ahead))} ago){hint}",
        **details,
    )
