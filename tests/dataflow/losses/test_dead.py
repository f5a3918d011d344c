"""The likely cause of dead letters, judged together with the contract that refused them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.decode.json.contract import judge_record
from dataflow.losses.dead import dead_cause
from dataflow.messages import Refusal
from tests.dataflow.losses.events import AT_S, MILLIS

EVENT = {"ad_id": "a", "user_id": "u", "at": AT_S * 1_000}


def cause(value: bytes | None) -> str:
    refusal = judge_record(MILLIS, value, 10_000)
    assert isinstance(refusal, Refusal)
    found = dead_cause(MILLIS, refusal.reason, refusal.field, value)
    return "" if found is None else f"{found.what}: {found.fix}"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "no value"),
        (b"", "no bytes"),
        (b" " * 10_001, "max_record_bytes"),
        (b"\x00\x00\x00\x00\x09" + json.dumps({**EVENT, "at": AT_S * 10**9}).encode(), "at: EventTimeNanos"),
        (b"\x00\x00\x00\x00\x09\xff", "schema registry"),
        (b'[{"a": 1}]', "JSON arrays"),
        (b'{"other": 1}', "required fields are missing: ad_id, user_id, at"),
        (json.dumps({**EVENT, "at": AT_S * 10**9}).encode(), "at: EventTimeNanos"),
        (json.dumps({**EVENT, "at": "2026-01-01T00:00:00Z"}).encode(), "at: EventTimeText"),
        (json.dumps({**EVENT, "ad_id": 5}).encode(), ""),
        (b'{"a": NaN}', ""),
    ],
)
def test_the_cause_is_told_from_reason_field_and_record(value: bytes | None, told: str) -> None:
    found = cause(value)
    assert told in found if told else not found


def test_an_event_from_the_future_tells_its_unit_or_the_clock() -> None:
    micros = json.dumps({**EVENT, "at": AT_S * 10**6}).encode()
    found = dead_cause(MILLIS, "future_event", "at", micros)
    assert found is not None
    assert "at: EventTimeMicros" in found.fix
    found = dead_cause(MILLIS, "future_event", "at", json.dumps(EVENT).encode())
    assert found is not None
    assert "max_future" in found.what


def test_without_the_model_the_bytes_still_tell() -> None:
    assert dead_cause(None, "malformed", None, b"<a/>") is not None
    assert dead_cause(None, "missing_field", "ad_id", b"{}") is None


@given(st.binary(max_size=100), st.sampled_from(["malformed", "missing_field", "wrong_type", "constraint"]))
def test_a_record_that_was_cut_or_is_nonsense_makes_no_trouble(value: bytes, reason: str) -> None:
    dead_cause(MILLIS, reason, "at", value)
