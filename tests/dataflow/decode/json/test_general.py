"""The JSON decoder accepts exactly what the contract accepts, with equal values, wherever polls are cut."""

import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from bench import hostile
from dataflow.decode.json.contract import judge_record
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import json_decoder
from dataflow.event.schema import EventSchema, schema_of
from dataflow.messages import Decoded, Refusal
from tests.dataflow.decode.models import MODELS, AdEvent, AmountEvent, Flat, NestedTime, TextEvent, Trip
from tests.dataflow.decode.strategies import ODD_TEXTS, polls

AD = schema_of(AdEvent)
REASONS = {
    *("tombstone", "empty", "invalid_utf8", "malformed", "not_object"),
    *("missing_field", "wrong_type", "constraint"),
}
TRIP = (
    b'{"at":1,"day":"2020-01-01","place":"home","needed":null,"device":{"os":"x","spot":{"lat":1}},"backup":{"os":"y"}}'
)
FLAT = b'{"at":12,"live":true,"code":"ab"}'
NESTED = b'{"meta":{"ts":1,"source":"a"}}'
GOOD = b'{"event_id":"e1","event_time":1734501600000,"event_type":"click","ad_id":"a1","cost":0.25}'


def verdicts(decoded: Decoded, rows: int) -> list[Any]:
    """Row or Refusal per position; fails unless every position is in exactly one."""
    found: list[Any] = [None] * rows
    assert len(decoded.events) == len(decoded.events_at)
    assert len(decoded.refusals) == len(decoded.dead_at)
    for positions in (decoded.events_at, decoded.dead_at):
        assert positions.dtype == np.int64
        assert (np.diff(positions) > 0).all()
    for at, verdict in [
        *zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True),
        *zip(decoded.dead_at.tolist(), decoded.refusals, strict=True),
    ]:
        assert found[at] is None
        found[at] = verdict
    assert None not in found
    return found


def check(schema: EventSchema, values: Sequence[bytes | None], limit: int | None = None) -> list[Any]:
    expected = [judge_record(schema, value, limit) for value in values]
    for make in (JsonDecoder, json_decoder):
        decoded = make(schema, limit).decode(pa.array(values, pa.binary()))
        assert decoded.events.schema == schema.arrow
        decoded.events.validate(full=True)
        found = verdicts(decoded, len(values))
        # repr also tells 1 from 1.0 and -0.0 from 0.0, and a NaN from nothing.
        assert [repr(each) for each in found] == [repr(each) for each in expected]
    return found


@pytest.mark.parametrize("model", MODELS)
def test_the_decoder_agrees_with_the_contract_on_every_record(model: type[BaseModel]) -> None:
    schema = schema_of(model)

    @settings(max_examples=40, deadline=None)
    @given(polls(schema), st.sampled_from([None, None, None, 90]))
    def agree(values: list[bytes | None], limit: int | None) -> None:
        check(schema, values, limit)

    agree()


@settings(max_examples=30, deadline=None)
@given(polls(AD), st.lists(st.integers(0, 12), max_size=4))
def test_cuts_into_polls_change_nothing(values: list[bytes | None], cuts: list[int]) -> None:
    decoder = json_decoder(AD)
    whole = pa.array(values, pa.binary())
    edges = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    parts: list[Any] = []
    for start, end in pairwise(edges):
        parts += verdicts(decoder.decode(whole.slice(start, end - start)), end - start)
    assert parts == verdicts(decoder.decode(whole), len(values))


@pytest.mark.parametrize("broken", [0.02, 0.5, 1.0])
def test_adversarial_records_get_the_contracts_verdict(broken: float) -> None:
    found = check(AD, hostile.records(random.Random(f"decoder {broken}"), 1_500, broken))
    reasons = {each.reason for each in found if isinstance(each, Refusal)}
    assert len(found) - sum(isinstance(each, Refusal) for each in found) > 50
    if broken > 0.1:
        assert reasons >= REASONS


@pytest.mark.parametrize(
    "bad",
    [
        None, b"", b"{", b"}", b"\xff", b"\n", GOOD + GOOD, GOOD + b"\n" + GOOD, GOOD[:40], GOOD[40:], b"[" * 3_000,
        GOOD.replace(b"0.25", b"0.0000001"), GOOD.replace(b"0.25", b'"0.25"'),
        GOOD.replace(b"1734501600000", b"1" * 5_000), GOOD.replace(b'"e1"', b'""'),
        GOOD.replace(b"0.25", b'0,"x":"\xff"'), GOOD.replace(b"0.25", b"null"),
    ],
)  # fmt: skip
def test_a_broken_record_never_costs_a_neighbour_at_any_position(bad: bytes | None) -> None:
    decoder = json_decoder(AD)
    reason = judge_record(AD, bad, None)
    assert isinstance(reason, Refusal)
    for at in range(12):
        values: list[bytes | None] = [GOOD.replace(b"e1", b"e%d" % place) for place in range(12)]
        values[at] = bad
        decoded = decoder.decode(pa.array(values, pa.binary()))
        assert decoded.dead_at.tolist() == [at]
        assert decoded.refusals == [reason]
        assert decoded.events["event_id"].to_pylist() == [f"e{place}" for place in range(12) if place != at]
        assert decoded.events_at.tolist() == [place for place in range(12) if place != at]


def test_a_record_that_only_the_contract_can_judge_keeps_its_place() -> None:
    twice = GOOD.replace(b'"event_time":', b'"event_time":"first","event_time":').replace(b"e1", b"slow")
    found = check(AD, [GOOD, twice, b"{", GOOD, twice])
    assert [each["event_id"] if isinstance(each, dict) else each.reason for each in found] == [
        "e1", "slow", "malformed", "e1", "slow",
    ]  # fmt: skip


def test_one_value_torn_over_two_records_is_two_broken_records() -> None:
    torn = [GOOD, GOOD[:30], GOOD[30:], GOOD, b'{"event_id":"', b'"}', GOOD]
    assert [isinstance(each, Refusal) for each in check(AD, torn)] == [False, True, True, False, True, True, False]


def test_records_spread_over_lines_are_read() -> None:
    assert all(isinstance(each, dict) for each in check(AD, [b"\n" + GOOD.replace(b",", b"\r\n,\t") + b" \n"] * 3))


def test_deep_ignored_values_pass_up_to_the_limit_and_shallow_ones_never_suffer() -> None:
    def extra(value: bytes) -> bytes:
        return GOOD[:-1] + b',"x":' + value + b"}"

    fine, deep = extra(b"[" * 63 + b"]" * 63), extra(b"[" * 64 + b"]" * 64)
    wide, quoted = extra(b"[" + b"{}," * 90 + b"0]"), extra(b'"' + b"[" * 200 + b'"')
    found = check(AD, [fine, deep, wide, quoted, GOOD, b"0", b"0", b"0", deep])
    assert [each.reason if isinstance(each, Refusal) else "ok" for each in found] == [
        "ok", "malformed", "ok", "ok", "ok", "not_object", "not_object", "not_object", "malformed",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [pa.binary_view(), pa.large_binary(), pa.binary()])
def test_every_binary_layout_and_any_slice_is_read(kind: pa.DataType) -> None:
    values = pa.array([None, GOOD, b"{", GOOD, "\u00e4".encode(), b"\xff", GOOD[:-1] + b"]"], kind)
    for start in range(len(values)):
        part = values.slice(start)
        found = verdicts(json_decoder(AD).decode(part), len(part))
        assert found == [judge_record(AD, value, None) for value in part.to_pylist()]


def test_an_empty_poll_gives_empty_columns() -> None:
    decoded = json_decoder(AD).decode(pa.array([], pa.binary()))
    assert decoded.events.schema == AD.arrow
    assert (len(decoded.events), len(decoded.events_at), len(decoded.dead_at)) == (0, 0, 0)


def test_a_poll_of_tombstones_or_empty_values_has_no_events() -> None:
    assert [each.reason for each in check(AD, [None, None])] == ["tombstone"] * 2
    assert [each.reason for each in check(AD, [b"", b""])] == ["empty"] * 2


def test_money_is_exact_in_a_full_column() -> None:
    texts = [
        b"123456789012.123456",
        b"1e3",
        b"0.1000000",
        b"-0",
        b"0." + b"5" + b"0" * 60,
        b"1" + b"0" * 35 + b"e-35",
        b"0e999",
    ]
    found = check(AD, [GOOD.replace(b"0.25", text) for text in texts])
    assert [str(each["cost"]) for each in found] == [
        "123456789012.123456", "1000.000000", "0.100000", "0.000000", "0.500000", "1.000000", "0.000000",
    ]  # fmt: skip


def test_a_written_null_among_absent_objects_is_still_refused() -> None:
    absent = TRIP.replace(b',"spot":{"lat":1}', b"")
    written = TRIP.replace(b'"lat":1', b'"lat":1,"fee":null')
    found = check(schema_of(Trip), [absent, written, absent])
    assert [isinstance(each, Refusal) for each in found] == [False, True, False]


def test_every_default_reaches_its_column() -> None:
    record = TRIP.replace(b',"spot":{"lat":1}', b"").replace(b',"backup":{"os":"y"}', b"")
    row = check(schema_of(Trip), [record])[0]
    assert (row["number"], row["level"], row["color"], row["code"], row["renamed"]) == (10, 3, "red", "ab", 7)
    assert (row["fixed.lat"], row["fixed.label"], str(row["fixed.fee"])) == (1.0, "x", "2.000000")
    assert (row["backup.os"], row["device.spot.fee"], row["at"]) == (None, None, 1_000)


def test_decoders_of_two_threads_do_not_disturb_each_other() -> None:
    polls_ = [pa.array(hostile.records(random.Random(seed), 300, 0.3), pa.binary()) for seed in range(8)]
    expected = [json_decoder(AD).decode(poll) for poll in polls_]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda poll: json_decoder(AD).decode(poll), polls_))
    for one, other in zip(expected, found, strict=True):
        assert one.events.equals(other.events)
        assert one.refusals == other.refusals
        assert one.events_at.tolist() == other.events_at.tolist()
        assert one.dead_at.tolist() == other.dead_at.tolist()


@pytest.mark.parametrize("model", MODELS)
def test_every_odd_value_in_every_field_gets_the_contracts_verdict(model: type[BaseModel]) -> None:
    schema = schema_of(model)
    good = {
        AdEvent: GOOD, Flat: FLAT, Trip: TRIP, NestedTime: NESTED, TextEvent: b'{"at":"12"}',
        AmountEvent: b'{"at":12,"total":"-0.5"}',
    }.get(model, b'{"at":12}')  # fmt: skip
    members: dict[str, Any] = json.loads(good)
    values: list[bytes | None] = []
    for leaf in schema.fields:
        for text in [*hostile.VALUES, *ODD_TEXTS]:
            values += [good, json.dumps(placed(members, leaf.path)).encode().replace(b'"HERE"', text)]
    found = check(schema, values)
    assert all(isinstance(each, dict) for each in found[::2])
    check(schema, values[1::2])


def placed(members: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """A copy of `members` with a mark at `path`."""
    key, *rest = path
    below = "HERE" if not rest else placed(members.get(key) or {}, tuple(rest))
    return {**members, key: below}
