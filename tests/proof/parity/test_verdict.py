"""What a parity run says in the end."""

import pytest

from proof.parity.compare import Comparison
from proof.parity.records import Pins
from proof.parity.verdict import Verdict


@pytest.mark.parametrize(
    ("records", "only", "is_equal", "said"),
    [
        (3, (0, 0), True, "equal: all sides hold the same tables"),
        (3, (1, 0), False, "NOT EQUAL"),
        (0, (0, 0), False, "NOTHING COMPARED: t has no record; "),
    ],
    ids=["equal", "not equal", "of no record"],
)
def test_sides_are_equal_where_every_pair_is_and_there_were_records(
    records: int, only: tuple[int, int], is_equal: bool, said: str
) -> None:
    compared = Comparison("clicks", ("duckdb", "tidemill"), (records, records), (0, 0), only, 0)
    verdict = Verdict(Pins("t", {0: (0, records)}), records, {"duckdb": 0.1}, (compared,))
    assert verdict.is_equal is is_equal
    assert verdict.as_json()["equal"] is is_equal
    assert [*verdict.lines()][-1].startswith(said)
