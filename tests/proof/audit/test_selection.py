"""Which ledger ranges lie in a selection, half open on every side."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dataflow.messages import Range
from proof.audit.ledger import Segment
from proof.audit.selection import Selection
from proof.ledger import LedgerLine

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


def segment(*, committed: bool = True) -> Segment:
    """Offsets [10, 20) of partition p, committed at noon or in no line of the ledger."""
    entry = Range("p", "t", 10, 20)
    line = LedgerLine(entry=entry, epoch=1, committed_at_ms=NOON_MS, snapshot=3) if committed else None
    return Segment("p", 10, 20, line)


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        ({}, True),
        ({"partition": "p"}, True),
        ({"partition": "q"}, False),
        ({"start": 19}, True),
        ({"start": 20}, False),
        ({"end": 11}, True),
        ({"end": 10}, False),
        ({"since": NOON}, True),
        ({"until": NOON}, False),
    ],
)
def test_a_range_is_taken_where_a_part_of_it_lies_inside(selection: dict[str, Any], taken: bool) -> None:
    assert Selection(**selection).takes(segment()) is taken
    assert Selection(**selection).is_everything is (selection == {})


def test_what_no_line_tells_the_time_of_is_in_no_time() -> None:
    assert Selection().takes(segment(committed=False))
    assert not Selection(since=NOON).takes(segment(committed=False))
