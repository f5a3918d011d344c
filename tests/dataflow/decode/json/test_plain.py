"""The compiled pass over plain records: when it is taken, and that it never changes a verdict."""

import random
import sys
from typing import Any

import pyarrow as pa
import pytest

from dataflow.decode.json import plain
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import PlainDecoder, json_decoder
from dataflow.event.schema import schema_of
from dataflow.sources.generator.adstream import AdStream
from tests.dataflow.decode.models import AdEvent, Flat, MicroEvent, NestedTime, TextEvent, Trip

AD = schema_of(AdEvent)
_BITS = [
    b'"',
    b"\\",
    b",",
    b":",
    b"{",
    b"}",
    b"null",
    b"0",
    b"-",
    b".",
    b"e",
    b" ",
    b"\n",
    b"\x00",
    b"1",
    b"[",
    b"true",
]
_LONGER_BITS = [b"12345678901234567890", b".0000000", b'""', b'"revenue":null,', b'"cost"', b"\xc3\xa9", b"\x80"]


def mutated(record: bytes, chance: random.Random) -> bytes:
    text = bytearray(record)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(4):
            case 0:
                del text[at : at + 1]
            case 1:
                text[at:at] = chance.choice(_BITS + _LONGER_BITS)
            case 2:
                text[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                del text[at : at + chance.choice([3, 20, 200])]
    return bytes(text)


def assert_equal_verdicts(values: list[bytes | None], limit: int | None = None, schema: Any = AD) -> None:
    array = pa.array(values, pa.binary())
    found, expected = json_decoder(schema, limit).decode(array), JsonDecoder(schema, limit).decode(array)
    found.events.validate(full=True)
    assert found.events.equals(expected.events)
    assert found.events_at.tolist() == expected.events_at.tolist()
    assert found.dead_at.tolist() == expected.dead_at.tolist()
    assert found.refusals == expected.refusals


@pytest.mark.parametrize("model", [AdEvent, Flat, MicroEvent])
def test_flat_events_take_the_compiled_pass(model: Any) -> None:
    assert isinstance(json_decoder(schema_of(model)), PlainDecoder)


@pytest.mark.parametrize("model", [Trip, NestedTime, TextEvent])
def test_other_events_take_the_general_decoder(model: Any) -> None:
    assert isinstance(json_decoder(schema_of(model)), JsonDecoder)


def test_without_a_compiler_the_general_decoder_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dataflow.decode.json.plain_kernel", None)
    plain._kernels.cache_clear()
    assert isinstance(json_decoder(AD), JsonDecoder)
    plain._kernels.cache_clear()


@pytest.mark.parametrize("seed", range(4))
def test_mutated_records_get_the_general_decoders_verdict(seed: int) -> None:
    chance = random.Random(seed)
    stream = AdStream(seed, 1, 5_000.0, 1_734_501_600_000)
    good = [value for value in stream.values(0, 0, 500) if value]
    for _ in range(5):
        values = [mutated(record, chance) if chance.random() < 0.6 else record for record in good]
        assert_equal_verdicts([*values, None, b""], chance.choice([None, 150]))


def test_nothing_is_read_beyond_a_record_or_a_poll() -> None:
    # The value that follows completes the one before it, if a reader does not stop at the end.
    record = b'{"event_id":"e1","event_time":1734501600000,"event_type":"click","ad_id":"a1","cost":0.25}'
    pieces = [part for cut in range(len(record) + 1) for part in (record[:cut], record[cut:])]
    assert_equal_verdicts([record, record, *pieces, *[record] * len(pieces)])
    joined = pa.array([record, record[:40]], pa.binary())
    assert json_decoder(AD).decode(joined.slice(0, 1)).events.num_rows == 1
    assert json_decoder(AD).decode(joined.slice(1, 1)).refusals[0].reason == "malformed"


def test_mostly_odd_records_go_straight_to_the_general_decoder_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = json_decoder(AD)
    assert isinstance(decoder, PlainDecoder)
    seen: list[int] = []
    parse = decoder._parse

    def counted(*arguments: Any) -> Any:
        seen.append(1)
        return parse(*arguments)

    monkeypatch.setattr(decoder, "_parse", counted)
    odd = pa.array([b'{"event_id":"\\u0041"}'] * 10, pa.binary())
    for _ in range(plain._POLLS_OF_REST + 1):
        assert len(decoder.decode(odd).refusals) == 10
    assert seen == [1]
    decoder.decode(odd)
    assert seen == [1, 1]
