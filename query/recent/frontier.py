"""The frontier that decides `is_final`, worked out once per snapshot: all that is left to ask is what time it is."""

import re
from typing import NamedTuple

from query.ends import NEVER_US, End, Ends
from sinks.lake.tables.finality import Stand, frontier_ms, frontier_sql, is_active

_NUMBERS = re.compile(r"max_event_time::HUGEINT - (\d+) .*epoch_us\(now\(\)\) - (\d+) AS active", re.DOTALL)


class Rule(NamedTuple):
    """What a view's text says about the frontier, as of `frontier_sql`."""

    out_of_orderness_ms: int
    idle_timeout_ms: int


def rule_of(sql: str) -> Rule | None:
    """The rule of a frontier's SQL; None for a text of another form."""
    found = _NUMBERS.search(sql)
    if found is None:
        return None
    rule = Rule(int(found[1]), int(found[2]) // 1000)
    return rule if frontier_sql(*rule) == sql else None


def frontier_at(ends: Ends, rule: Rule) -> str:
    """An expression (HUGEINT ms) of the frontier at the time it is asked, for a ledger that comes to these ends.

    It changes only when a source partition becomes idle.
    """
    flips_us = sorted({_since_us(end) + rule.idle_timeout_ms * 1000 for end in ends.values()})
    if not flips_us:
        return f"{frontier_ms([])}::HUGEINT"
    values = [_frontier_ms(ends, rule, at_us) for at_us in (flips_us[0] - 1, *flips_us)]
    cases = [
        f"WHEN epoch_us(now()) < {at_us} THEN {value}::HUGEINT" for at_us, value in zip(flips_us, values, strict=False)
    ]
    return f"CASE {' '.join(cases)} ELSE {values[-1]}::HUGEINT END"


def _frontier_ms(ends: Ends, rule: Rule, now_us: int) -> int:
    return frontier_ms(
        [
            Stand(_watermark_ms(end, rule), is_active(_since_us(end), now_us, rule.idle_timeout_ms), end.place % 2 == 1)
            for end in ends.values()
        ]
    )


def _watermark_ms(end: End, rule: Rule) -> int | None:
    untold = None if end.untold is None else end.untold - rule.out_of_orderness_ms
    return max((mark for mark in (end.watermark, untold) if mark is not None), default=None)


def _since_us(end: End) -> int:
    return end.first_at_us if end.read_at_us == NEVER_US else end.read_at_us
