"""What one alert rule holds in memory, and what it has done so far."""

from typing import NamedTuple


class RuleStats(NamedTuple):
    """`rows`: keys and windows in memory, and distinct values of them; `size_bytes`: of those and of rows that wait to
    be cleaned away. `raised` and `retracted`: changes of its alerts since the start of this run.
    """

    rule: str
    rows: int
    size_bytes: int
    raised: int
    retracted: int
