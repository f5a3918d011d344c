"""Avro records read a poll at once: judged as the row-by-row decoder does, with the values that fastavro reads."""

import io
import json
import random
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.columnar import memory
from dataflow.decode.avro import columns
from dataflow.decode.avro.columns import bare_avro_columns, framed_avro_columns
from dataflow.decode.avro.decoder import bare_avro, framed_avro
from dataflow.decode.binary.decoder import ColumnDecoder
from dataflow.decode.fields import judge_values
from dataflow.decode.rows import RowDecoder
from dataflow.errors import RegistryUnreachable
from dataflow.event.schema import EventSchema, schema_of
from dataflow.formats.schemas import RegisteredSchema
from dataflow.messages import Decoded, Refusal
from tests.avro_events import FIRST, GOOD, GOOD_SECOND, ORDER, SECOND, body, framed, mutated
from tests.dataflow.decode.avro.test_decoder import Registry
from tests.dataflow.decode.avro.writers import from_fastavro, value_of, writer
from tests.dataflow.decode.models import MODELS

SCHEMAS = [ORDER, *[schema_of(model) for model in MODELS]]
PROPERTY = settings(max_examples=100, deadline=None)
GOOD_BODY = body(FIRST, GOOD)


def assert_equal(found: Decoded, expected: Decoded) -> None:
    found.events.validate(full=True)
    assert found.events.equals(expected.events)
    assert found.events_at.tolist() == expected.events_at.tolist()
    assert found.dead_at.tolist() == expected.dead_at.tolist()
    assert found.refusals == expected.refusals


def both(schema: EventSchema, text: str, values: list[bytes | None], limit: int | None = None) -> Decoded:
    """The verdicts of the compiled reader, after the row-by-row one gave the same."""
    array = pa.array(values, pa.binary())
    found = bare_avro_columns(schema, limit, text, {}).decode(array)
    assert_equal(found, bare_avro(schema, limit, text, {}).decode(array))
    return found


def taken(schema: EventSchema, text: str, values: list[bytes]) -> int:
    """How many records the compiled reader itself takes."""
    decoder = bare_avro_columns(schema, None, text, {})
    if not isinstance(decoder, ColumnDecoder):
        return 0
    left: list[int] = []
    rows = decoder.rows.decode
    decoder.rows.decode = lambda values, headers=None: left.append(len(values)) or rows(values, headers)  # type: ignore[method-assign, func-returns-value]
    decoder.decode(pa.array(values, pa.binary()))
    return len(values) - sum(left)


@PROPERTY
@given(st.integers(0, 2**32), st.sampled_from(SCHEMAS), st.sampled_from([None, 40]))
def test_records_of_any_schema_are_judged_as_row_by_row(seed: int, schema: EventSchema, limit: int | None) -> None:
    chance = random.Random(seed)
    written = writer(chance, schema)
    text = json.dumps(written)
    good = bodies(text, [value_of(chance, written, schema.root) for _ in range(20)])
    values = [*good, *[mutated(chance, each) for each in good], None, b""]
    chance.shuffle(values)
    both(schema, text, values, limit)


@PROPERTY
@given(st.integers(0, 2**32), st.sampled_from(SCHEMAS))
def test_values_are_those_that_fastavro_reads(seed: int, schema: EventSchema) -> None:
    chance = random.Random(seed)
    written = writer(chance, schema)
    text = json.dumps(written)
    values = bodies(text, [value_of(chance, written, schema.root) for _ in range(10)])
    decoded = both(schema, text, [*values])
    parsed = fastavro.parse_schema(json.loads(text))
    rows = dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
    for at, value in enumerate(values):
        try:
            read = fastavro.schemaless_reader(io.BytesIO(value), parsed, None, return_named_type=True)
            verdict = judge_values(schema, as_typed(written, read))
        except (OverflowError, ValueError, LookupError):
            # an instant beyond Python's own, or a union whose branch Python's types do not tell
            continue
        assert rows.get(at) == (None if isinstance(verdict, Refusal) else verdict)


def bodies(text: str, records: list[Any]) -> list[bytes]:
    parsed = fastavro.parse_schema(json.loads(text))
    written = []
    for each in records:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, each)
        written.append(out.getvalue())
    return written


def as_typed(type_: Any, read: Any) -> Any:
    """What fastavro read, as our own reader gives it: fields by the names that the model reads."""
    if isinstance(type_, list):
        branches = [each for each in type_ if is_of(each, read)]
        if len(branches) != 1:
            raise LookupError
        branch = branches[0]
        return as_typed(branch, read[1] if isinstance(read, tuple) else read)
    if not isinstance(type_, str) and type_["type"] == "record":
        named = {(field.get("aliases") or [field["name"]])[0]: field for field in type_["fields"]}
        return {key: as_typed(field["type"], read[field["name"]]) for key, field in named.items()}
    return from_fastavro(type_, read)


def is_of(branch: Any, read: Any) -> bool:
    """Whether a union's value is of this branch, as far as Python's types tell."""
    if isinstance(read, tuple):
        return not isinstance(branch, str) and branch.get("name") == read[0]
    kind = branch if isinstance(branch, str) else branch["type"]
    logical = None if isinstance(branch, str) else branch.get("logicalType")
    by_type = {
        "NoneType": kind == "null",
        "bool": kind == "boolean",
        "str": kind == "string",
        "bytes": kind == "bytes" and logical != "decimal",
        "int": kind in ("int", "long") and logical in (None, "timestamp-nanos"),
        "Decimal": logical == "decimal",
        "datetime": logical is not None and "timestamp" in logical,
        "date": logical == "date",
        "float": kind in ("float", "double"),
    }
    return by_type.get(type(read).__name__, False)


def test_good_records_are_all_taken_by_the_compiled_reader() -> None:
    assert taken(ORDER, FIRST, [GOOD_BODY] * 50) == 50
    assert taken(ORDER, FIRST, [GOOD_BODY, GOOD_BODY[:-1], GOOD_BODY + b"\x00"] * 50) == 50


def test_a_poll_of_broken_records_alone_costs_each_of_them_once_and_rests_the_compiled_reader() -> None:
    decoder = bare_avro_columns(ORDER, None, FIRST, {})
    assert isinstance(decoder, ColumnDecoder)
    asked: list[int] = []
    rows = decoder.rows.decode
    decoder.rows.decode = lambda values, headers=None: asked.append(len(values)) or rows(values, headers)  # type: ignore[method-assign, func-returns-value]
    broken = pa.array([GOOD_BODY[:-1]] * 100, pa.binary())
    for _ in range(3):
        assert len(decoder.decode(broken).refusals) == 100
    assert asked == [100, 100, 100]


@pytest.mark.parametrize(("text", "good"), [(FIRST, GOOD), (SECOND, GOOD_SECOND)], ids=["first", "second"])
def test_mutated_bodies_are_judged_as_row_by_row(text: str, good: Any) -> None:
    chance = random.Random(3)
    written = body(text, good)
    decoded = both(ORDER, text, [mutated(chance, written) for _ in range(4_000)])
    assert {"malformed", "constraint"} <= {refusal.reason for refusal in decoded.refusals}
    assert decoded.events.num_rows > 800


def test_nothing_is_read_beyond_a_record_or_a_poll() -> None:
    pieces = [part for cut in range(len(GOOD_BODY) + 1) for part in (GOOD_BODY[:cut], GOOD_BODY[cut:])]
    both(ORDER, FIRST, [GOOD_BODY, *pieces, *[GOOD_BODY] * len(pieces)])
    sliced = pa.array([GOOD_BODY, *[GOOD_BODY] * 8, GOOD_BODY[:5]], pa.binary()).slice(1, 8)
    assert bare_avro_columns(ORDER, None, FIRST, {}).decode(sliced).events.num_rows == 8


def framed_values() -> list[bytes | None]:
    chance = random.Random(5)
    first, second = framed(1, GOOD_BODY), framed(2, body(SECOND, GOOD_SECOND))
    unknown = [framed(number, GOOD_BODY) for number in (3, 4, 5, 9)]
    guid = b"\x01" + bytes(15) + b"\x07" + GOOD_BODY
    values = [first, second, first, guid, *unknown, None, b"", GOOD_BODY, b"\x00", mutated(chance, first)] * 20
    chance.shuffle(values)
    return values


def registry() -> Registry:
    known = Registry()
    known.known |= {
        1: RegisteredSchema("AVRO", FIRST),
        2: RegisteredSchema("AVRO", SECOND),
        3: RegisteredSchema("PROTOBUF", "message"),
        4: RegisteredSchema("AVRO", "{"),
        5: RegisteredSchema("AVRO", '"long"'),
        "00000000-0000-0000-0000-000000000007": RegisteredSchema("AVRO", FIRST),
    }
    return known


def test_framed_records_of_several_schemas_are_judged_as_row_by_row() -> None:
    values = pa.array(framed_values(), pa.binary())
    header = b"\x01" + bytes(15) + b"\x07"
    headers = pa.array(
        [header if at % 3 == 0 else b"x" if at % 17 == 0 else None for at in range(len(values))], pa.binary()
    )
    for beside in (None, headers):
        asked = registry()
        found = framed_avro_columns(ORDER, 300, asked, {}).decode(values, beside)
        assert_equal(found, framed_avro(ORDER, 300, registry(), {}).decode(values, beside))
        assert len(asked.asked) == len(set(asked.asked))


def test_a_registry_without_an_answer_skips_nothing() -> None:
    known = registry()
    known.away.add(1)
    decoder = framed_avro_columns(ORDER, None, known, {})
    values = pa.array([framed(1, GOOD_BODY)] * 10, pa.binary())
    with pytest.raises(RegistryUnreachable):
        decoder.decode(values)
    known.away.clear()
    assert decoder.decode(values).events.num_rows == 10


def test_without_a_compiler_records_are_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "load", lambda: (_ for _ in ()).throw(ImportError("no numba")))
    assert memory.Compiled is not None
    assert isinstance(bare_avro_columns(ORDER, None, FIRST, {}), RowDecoder)
    values = pa.array([framed(1, GOOD_BODY)] * 10, pa.binary())
    assert framed_avro_columns(ORDER, None, registry(), {}).decode(values).events.num_rows == 10
