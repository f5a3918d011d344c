"""The compiled pass over plain records: when it is taken, and that it never changes a verdict."""

import json
import random
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import create_model

from bench.decode_shapes import shapes
from dataflow import EventTime
from dataflow.decode.json import plain
from dataflow.decode.json.contract import judge_record
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import PlainDecoder, json_decoder
from dataflow.decode.json.plain_table import Table
from dataflow.event.schema import EventSchema, schema_of
from dataflow.messages import Refusal
from dataflow.sources.generator.adstream import AdStream
from tests.dataflow.decode.json.guarded_page import GuardedPage
from tests.dataflow.decode.json.test_general import GOOD, check, verdicts
from tests.dataflow.decode.models import MODELS, AdEvent, NestedTime

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


def plain_rows(schema: EventSchema, values: pa.Array, decoder: PlainDecoder | None = None) -> list[int]:
    """Which records the compiled pass takes."""
    decoder = decoder or json_decoder(schema)  # type: ignore[assignment]  # there is a compiler
    assert isinstance(decoder, PlainDecoder)
    good_at, odd_at = (np.empty(len(values), np.int64) for _ in range(2))
    good = decoder._run(values, decoder._columns.outputs(len(values)), good_at, odd_at)
    taken = good_at[:good].tolist()
    assert sorted([*taken, *odd_at[: len(values) - good].tolist()]) == [*range(len(values))]
    return taken


@pytest.mark.parametrize("model", MODELS)
def test_events_of_every_kind_take_the_compiled_pass(model: Any) -> None:
    assert isinstance(json_decoder(schema_of(model)), PlainDecoder)


@pytest.mark.parametrize("name", list(shapes(1)))
def test_records_of_real_topics_are_plain_and_have_the_contracts_values(name: str) -> None:
    model, records = shapes(120)[name]
    schema = schema_of(model)
    assert len(plain_rows(schema, pa.array(records, pa.binary()))) == len(records)
    check(schema, records)


_AT = b'"event_time":1734501600000'
_REST = b'"event_type":"click","ad_id":"a1"'


@pytest.mark.parametrize(
    "record",
    [
        b'{"event_id":"e",' + _AT + b"," + _REST + b',"x":' + value + b"}"
        for value in (
            b"null", b"true", b"-0.5e-7", b"1e999", b"0", b'""', b'"\\u00e4\\ud83d\\ude00\\/"', b"[]", b"{}",
            b'[{"a":[1,{"b":null}]},[[]],"]"]', b'{"x":1,"x":{"event_id":2}}', b"[" * 63 + b"]" * 63,
            "\"\u00e4\u6f22\U0001f600\"".encode(),
        )
    ]
    + [
        b' {\t"event_id" :\n"e" , ' + _AT + b"\r, " + _REST + b" } ",
        b'{"event_id":"\\u0063\\ud83d\\ude00\\n\xc3\xa4",' + _AT + b"," + _REST + b"}",
        b'{"event_id":"e",' + _AT + b',"event_type":"\\u0063lick","ad_id":"a1","user_id":null}',
        b'{"event_id":"e",' + _AT + b"," + _REST + b',"cost":-1.25e2,"revenue":0.1000000}',
        b"{" + _REST + b"," + _AT + b',"event_id":"e"}',
        '{"\u00e4":1,"event_id":"'.encode() + "\u00e4".encode() * 64 + b'",' + _AT + b"," + _REST + b"}",
    ],
)  # fmt: skip
def test_what_topics_have_beside_the_plainest_record_is_plain(record: bytes) -> None:
    assert plain_rows(AD, pa.array([record], pa.binary())) == [0]
    check(AD, [record])


@pytest.mark.parametrize(
    "value",
    [
        b"NaN", b"01", b"1.", b".5", b"+1", b"1e", b"tru", b"nulll", b'"\\ud800"', b'"\\udc00"', b'"\\q"', b'"\\u12"',
        b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', b'"a\nb"', b"[1,]", b'{"a":1,}', b"{1:2}", b"[1 2]",
        b"[" * 64 + b"]" * 64, b"[}", b'{"a"}', b"", b'"', b"[",
    ],
)  # fmt: skip
def test_what_is_no_json_is_never_plain(value: bytes) -> None:
    record = b'{"event_id":"e",' + _AT + b"," + _REST + b',"x":' + value + b"}"
    assert plain_rows(AD, pa.array([record], pa.binary())) == []
    check(AD, [record])


def test_a_number_is_the_nearest_double_or_left_to_the_contract() -> None:
    chance = random.Random(7)
    numbers = [chance.choice([1, -1]) * chance.random() * 10 ** chance.randrange(-30, 30) for _ in range(2_000)]
    texts = [repr(number) for number in numbers] + [f"{2**53 + 1 + 2 * n}" for n in range(20)]
    texts += ["5e-324", "1.7976931348623157e308", "2.2250738585072014e-308", "9007199254740993.0", "0.1e1", "-0.0"]
    records = [b'{"meta":{"ts":1,"source":"a"},"value_":%s}' % text.encode() for text in texts]
    schema = schema_of(NestedTime)
    assert len(plain_rows(schema, pa.array(records, pa.binary()))) > 2_000
    check(schema, records)


def test_records_are_read_where_views_say() -> None:
    records = [b'{"a":1}', None, GOOD, b"{", *shapes(50)["UTF-8"][1], b"x" * 12, b"x" * 13]
    values = pa.array(records, pa.binary())
    for start in (0, 3):
        views = values.cast(pa.binary_view()).slice(start)
        assert plain_rows(AD, views) == plain_rows(AD, values.slice(start))
        assert verdicts(json_decoder(AD).decode(views), len(views)) == check(AD, records[start:])


def test_texts_that_are_longer_than_those_before_get_room() -> None:
    record = b'{"event_id":"%s",' + _AT + b"," + _REST + b',"user_id":"%s"}'
    values = [record % (b"i" * (at % 60 + 1), b"u" * (17 * at)) for at in range(300)]
    assert len(plain_rows(AD, pa.array(values, pa.binary()))) == 300
    check(AD, values)


def test_nothing_beside_a_record_is_read() -> None:
    """Each record stands at the end of a page that no byte may be read behind, and then at the beginning of one."""
    names = ("plain", "five unknown keys", "shuffled keys", "escapes", "UTF-8", "nested")
    with GuardedPage() as page:
        for name in names:
            model, records = shapes(12)[name]
            schema = schema_of(model)
            decoder = json_decoder(schema)
            assert isinstance(decoder, PlainDecoder)
            pieces = [record[:cut] for record in records[:2] for cut in range(17, len(record))]
            for record in [*records, *pieces, *(piece + end for piece in pieces[::7] for end in (b"\\", b"}"))]:
                whole = judge_record(schema, record, None)
                for values in (page.at_end(record), page.at_start(record)):
                    taken = plain_rows(schema, values, decoder)
                    assert not taken or not isinstance(whole, Refusal)
            assert plain_rows(schema, page.at_end(records[0]), decoder) == [0]


def test_a_key_of_any_length_stands_at_the_edge_of_what_may_be_read() -> None:
    """The members of these begin and end right behind each other, at both ends of a record."""
    schema, records = scattered()
    decoder = json_decoder(schema)
    assert isinstance(decoder, PlainDecoder)
    first = [b'{":', b'{"":', b'{"a":', b'{"":"', b'{",":', b'{"event_id":"",":']
    odd = [start + record[at:] for record in records[:2] for start in first for at in (1, 9)]
    odd += [record[:-1] + end for record in records[:2] for end in (b',"":}', b',":}', b',"a":}', b',"}', b'"}', b" }")]
    with GuardedPage() as page:
        for record in odd:
            decoder.decode(pa.array(records, pa.binary()))
            is_good = not isinstance(judge_record(schema, record, None), Refusal)
            for values in (page.at_end(record), page.at_start(record)):
                decoder._missed = 9
                assert is_good or not plain_rows(schema, values, decoder)


def scattered(count: int = 40) -> tuple[EventSchema, list[bytes]]:
    model, records = shapes(count)["shuffled keys"]
    return schema_of(model), records


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" , ", " : ")])
def test_keys_in_any_order_tell_the_same(separators: tuple[str, str]) -> None:
    schema, records = scattered()
    values = [json.dumps(json.loads(record), separators=separators).encode() for record in records]
    decoder = json_decoder(schema)
    assert isinstance(decoder, PlainDecoder)
    assert plain_rows(schema, pa.array(values, pa.binary()), decoder) == [*range(len(values))]
    # such records, and only such ones, are read in the order of the model
    assert decoder._missed > 0
    assert decoder._path > 0 or separators[0].startswith(" ")
    assert plain_rows(schema, pa.array(records[:1] * 9, pa.binary()), decoder) == [*range(9)]
    assert decoder._missed == 0
    check(schema, values)


def test_what_only_looks_like_a_member_is_none() -> None:
    schema, records = scattered()
    odd: list[bytes | None] = []
    for record in records:
        event = json.loads(record)
        for at, key in enumerate(event):
            for value in (
                "a,",
                ',"',
                '"cost":1',
                ', "cost":1,"x',
                "\u00e4",
                'x","y',
                None,
                [],
                ["a", "b"],
                {"cost": 1},
            ):
                text = json.dumps(event | {key: value}, separators=(",", ":"), ensure_ascii=at % 2 == 0).encode()
                odd.append(text)
            without = {name: value for name, value in event.items() if name != key}
            odd += [json.dumps(text, separators=(",", ":")).encode() for text in (without, event | {"cost ": 1})]
        odd += [record[:-1] + b',"cost":1}', record.replace(b'":', b'" :', 1), record.replace(b'","', b'""', 1)]
        odd += [record.replace(b",", b",,", 1), record + b"\n", record + b"}", record[:-1] + b",}", record[1:]]
    chance = random.Random(5)
    for _ in range(3):
        chance.shuffle(odd)
        decoder = json_decoder(schema)
        assert isinstance(decoder, PlainDecoder)
        for start in range(0, len(odd), 8):
            # good ones between them, and nothing is put off
            some = [records[start % 40], *odd[start : start + 8]]
            decoder._rest, decoder._missed = 0, 9
            assert verdicts(decoder.decode(pa.array(some, pa.binary())), len(some)) == check(schema, some)


@pytest.mark.parametrize("seed", range(3))
def test_mutated_records_whose_keys_come_in_any_order_get_the_general_decoders_verdict(seed: int) -> None:
    chance = random.Random(seed)
    schema, records = scattered(400)
    values = [mutated(record, chance) if chance.random() < 0.3 else record for record in records]
    for start in range(0, len(values), 10):
        assert_equal_verdicts([*values[:3], *values[start : start + 10]], schema=schema)


@pytest.mark.parametrize("names", [["y", "x"], [f"value_{number:02d}_of_it" for number in range(70)]])
def test_short_keys_and_more_keys_than_a_word_has_bits_are_read_in_any_order(names: list[str]) -> None:
    fields: dict[str, Any] = {"at": (EventTime, ...), "event_id": (str, ...)} | dict.fromkeys(names, (int, 7))
    schema = schema_of(create_model("Event", **fields))
    chance = random.Random(3)
    values = []
    for number in range(30):
        event = {"at": 1_734_501_600_000, "event_id": f"{number:060x}"} | dict.fromkeys(names, number)
        if number % 3:
            del event[chance.choice(names)]
        values.append(json.dumps(dict(chance.sample(list(event.items()), len(event)))).encode())
    assert len(plain_rows(schema, pa.array(values, pa.binary()))) == 30
    check(schema, values)


def test_without_a_compiler_the_general_decoder_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(file: str) -> list[Any]:
        raise ImportError(f"nothing compiles {file}")

    monkeypatch.setattr(plain, "loops", none)
    plain._begun.cache_clear()
    assert isinstance(json_decoder(AD), JsonDecoder)
    plain._begun.cache_clear()


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


def test_records_are_decoded_while_the_kernel_is_compiled_and_by_it_afterwards() -> None:
    there = json_decoder(AD)
    assert isinstance(there, PlainDecoder)
    kernel: Future[Any] = Future()
    decoder = PlainDecoder(Table(AD), kernel, JsonDecoder(AD), AD, None)
    values = pa.array([b'{"event_id":"e1","event_time":1734501600000,"event_type":"click","ad_id":"a1"}', b"{"])
    before = decoder.decode(values)
    assert decoder._parse is None
    kernel.set_result(there._kernel.result())
    after = decoder.decode(values)
    assert decoder._parse is there._parse
    assert before.events.equals(after.events)
    assert before.events.num_rows == len(before.refusals) == 1


def test_workers_that_ask_side_by_side_begin_one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Future[Any]] = []

    def begin() -> Future[Any]:
        time.sleep(0.01)  # so that all have come before one is done
        begun.append(Future())
        return begun[-1]

    monkeypatch.setattr(plain, "_begun", cache(begin))
    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(lambda _: plain._kernel(), range(8)))
    assert found == begun * 8


def test_mostly_odd_records_go_straight_to_the_general_decoder_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = json_decoder(AD)
    assert isinstance(decoder, PlainDecoder)
    seen: list[int] = []
    parse = decoder._parse
    assert parse is not None

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
