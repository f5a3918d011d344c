"""Dead letters get the messages that Tidemill gives, and a job that judges otherwise is told."""

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataflow import avro
from dataflow.errors import LakeError
from dataflow.pipeline.plan import make_plan
from flink.ingest.dead import DeadLetters
from tests.avro_events import FIRST, GOOD, PIPELINE, body, framed
from tests.flink.contract.served import Served
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


def test_a_header_names_the_schema_and_what_the_job_did_not_know_stays_unknown(tmp_path: Path) -> None:
    registry, good, id_1 = Served(), body(FIRST, GOOD), struct.pack(">bI", 0, 1)
    registry.add(1, FIRST)
    registry.add(3, "message", "PROTOBUF")
    dead = DeadLetters(replace(make_plan(replace(PIPELINE, format=avro()), tmp_path), schemas=registry))
    found = dead.rows(
        [
            row(1, good + b"x", "malformed") | {"header": id_1},
            row(2, good, "malformed") | {"header": None},
            row(3, framed(1, good), "unknown_schema") | {"header": None},
            row(4, framed(9, good), "unknown_schema") | {"header": None},
            row(5, good[1:], "malformed") | {"header": id_1},
            row(6, framed(3, good), "unknown_schema") | {"header": None},
            row(7, framed(1, good[:-1]), "unknown_schema") | {"header": None},
        ]
    ).to_pylist()
    assert [each["offset"] for each in found] == [1, 2, 3, 4, 5, 6, 7]
    assert "1 bytes are left over" in found[0]["message"]
    assert "it begins with no schema's number" in found[1]["message"]
    assert found[2]["message"] == found[6]["message"] == "the registry has no schema of id 1"
    assert found[5]["message"] == "the schema of id 3 is of kind PROTOBUF, not AVRO"
    with pytest.raises(LakeError, match=r"the job says unknown_schema .*it is dead: malformed"):
        dead.rows([row(6, good, "unknown_schema") | {"header": None}])
    with pytest.raises(LakeError, match=r"the job says malformed .*it is an event"):
        dead.rows([row(6, good, "malformed") | {"header": id_1}])
