"""Dead letters get the messages that Tidemill gives, and a job that judges otherwise is told."""

from typing import Any

import pytest

from dataflow.errors import LakeError
from flink.ingest.dead import DeadLetters
from tests.sinks.lake.small import small_plan


def row(
    offset: int, value: bytes | None, reason: str, field: str | None = None, partition: str = "t/0"
) -> dict[str, Any]:
    named = {"topic": "t", "partition": partition, "offset": offset, "record_timestamp": 5}
    return {**named, "value": value, "reason": reason, "field": field}


def test_messages_are_those_of_tidemill_and_rows_stand_by_place() -> None:
    dead = DeadLetters(small_plan(max_future="1s", deduplicate_by="ad", deduplicate_within="1m"))
    found = dead.rows(
        [
            row(9, b'{"time":2000}', "future_event", "time", "t/1"),
            row(7, b'{"ad":"a"}', "missing_field", "time"),
            row(3, None, "tombstone"),
        ]
    ).to_pylist()
    assert [(each["partition"], each["offset"], each["reason"]) for each in found] == [
        ("t/0", 3, "tombstone"),
        ("t/0", 7, "missing_field"),
        ("t/1", 9, "future_event"),
    ]
    assert all(each["message"] for each in found)
    assert found[2]["message"] == "event time 2000 is more than 1000 ms after the record's 5"


@pytest.mark.parametrize(("value", "told"), [(b'{"time":1}', "it is an event"), (b"{", "it is dead: malformed")])
def test_a_job_that_judges_otherwise_is_told_with_the_place(value: bytes, told: str) -> None:
    with pytest.raises(LakeError, match=f"t/0, offset 4: the job says tombstone .*{told}"):
        DeadLetters(small_plan()).rows([row(4, value, "tombstone")])
