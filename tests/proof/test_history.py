"""What the ledger's ranges tell of one source partition: its rules, and where it stood."""

from dataflow.messages import NEVER_MS, Range
from dataflow.rules import Rules
from proof.history import History

STRICT = Rules(5, 30, 10, (("r", 0),))
MILD = Rules(50, 30, 100, (("r", 7),))


def entry(start: int, end: int, newest: int | None, watermark: int | None, rules: Rules) -> Range:
    return Range("p", None, start, end, max_event_time=newest, watermark=watermark, rules=rules)


HISTORY = History(
    "p",
    [
        entry(0, 0, None, None, STRICT),
        entry(0, 4, 100, 95, STRICT),
        entry(4, 4, 100, 95, MILD),
        entry(4, 6, 120, 95, MILD),
        entry(6, 6, 120, 95, STRICT),
        entry(6, 9, 120, 95, MILD),
        entry(9, 12, 300, 295, STRICT),
    ],
)


def test_rules_hold_from_the_first_records_that_were_judged_by_them() -> None:
    assert HISTORY.marks == [(0, STRICT), (4, MILD), (9, STRICT)]
    assert HISTORY.longest_within_ms == 100
    assert (History("p", []).marks, History("p", []).longest_within_ms) == ([], 0)


def test_it_stood_where_the_ranges_before_had_brought_it() -> None:
    assert HISTORY.before(0) == {"max_event_time": None, "ids": [], "watermark": NEVER_MS}
    assert HISTORY.before(4) == {"max_event_time": 100, "ids": [], "watermark": 95, "within_ms": 10}
    assert HISTORY.before(9) == {"max_event_time": 120, "ids": [], "watermark": 95, "within_ms": 100}
    assert HISTORY.before(12) == {"max_event_time": 300, "ids": [], "watermark": 295, "within_ms": 10}


def test_what_was_no_longer_remembered_when_rules_changed_is_told_up_to_an_offset() -> None:
    assert HISTORY.forgotten(3) == []
    assert HISTORY.forgotten(4) == HISTORY.forgotten(8) == [(4, 85)]
    assert HISTORY.forgotten(12) == [(4, 85), (9, -5)]
