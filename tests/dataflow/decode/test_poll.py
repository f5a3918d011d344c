"""A poll decoded with what its source says of it."""

import pyarrow as pa
from pydantic import BaseModel

from dataflow import EventTime
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.poll import decode_poll
from dataflow.event.schema import schema_of
from dataflow.messages import POLL_SCHEMA, Poll, Refusal


class Click(BaseModel):
    time: EventTime


DECODER = JsonDecoder(schema_of(Click), None)


def records(*values: bytes) -> pa.RecordBatch:
    count = len(values)
    offsets = pa.array(range(5, 5 + count), pa.int64())
    return pa.RecordBatch.from_arrays([offsets, pa.nulls(count, pa.int64()), pa.array(values)], schema=POLL_SCHEMA)


def test_what_a_source_says_of_its_values_is_decoded_in_their_place() -> None:
    json = pa.array([b'{"time":1}', None, b'{"time":"x"}'], pa.binary())
    poll = Poll(records(b"a", b"b", b"c"), 5, 8, json, {6: Refusal("malformed", None, "no row")})
    decoded = decode_poll(DECODER, poll)
    assert decoded.events.to_pylist() == [{"time": 1}]
    assert (decoded.refusals[0].reason, decoded.refusals[0].message) == ("malformed", "no row")
    assert decoded.refusals[1].reason == "wrong_type"
    first, rest = poll.split(6)
    assert decode_poll(DECODER, first).events.num_rows == 1
    assert rest is not None
    assert decode_poll(DECODER, rest).refusals == decoded.refusals


def test_a_last_line_that_is_cut_off_says_so_if_it_is_no_event() -> None:
    decoded = decode_poll(DECODER, Poll(records(b"[]", b'{"time":'), 5, 7, cut=True))
    assert ["inside this line" in each.message for each in decoded.refusals] == [False, True]
    assert decode_poll(DECODER, Poll(records(b'{"time":1}'), 5, 6, cut=True)).refusals == []
