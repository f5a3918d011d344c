"""Lists and objects of an event: from any form of input to the table events, and through a lake's life."""

import csv
import io
import json
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotated_types import Len
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from pydantic import BaseModel, Field

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.decode.avro.decoder import bare_avro
from dataflow.decode.decoder import decoder_for
from dataflow.decode.json.contract import judge_record
from dataflow.decode.poll import decode_poll
from dataflow.decode.protobuf.decoder import protobuf_decoder
from dataflow.errors import PipelineError
from dataflow.event.schema import schema_of
from dataflow.filter.equalities import equalities
from dataflow.formats.protobuf import read_descriptors
from dataflow.messages import Refusal
from dataflow.pipeline.plan import Plan, make_plan
from dataflow.pipeline.tables import tables_of
from dataflow.sources.files.source import FilesSource
from dataflow.windows import tumble
from proof.audit.audit import audit
from query.cells import Style, csv_lines, json_lines
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.definition import read_definition
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.erase import erase
from sinks.lake.upkeep.expire import Retention
from sinks.lake.upkeep.holders import condition_schema
from tests.dataflow.sources.files.draining import file_decoder, polls
from tests.ducklake_client import ducklake_query
from tests.harness import NOW, Product
from tests.model.spec import Record
from tests.model.streams import Cuts
from tests.proof.memory_source import MemorySource


class Order(BaseModel):
    at: EventTime
    tags: Annotated[list[Annotated[str, Len(1, 8)]], Len(0, 3)] = []
    counts: list[int] | None = None
    prices: list[float] = []
    flags: list[bool] | None = None
    more: dict = {}
    limits: dict[str, int] | None = None


def pipeline(**changes: Any) -> Pipeline:
    return Pipeline("orders", Order, [Rollup("all", [], tumble("1m"), {"n": agg.count()})], **changes)


RECORDS: tuple[dict[str, Any], ...] = (
    {
        "at": 1,
        "tags": ["a", "b"],
        "counts": [1, -2],
        "prices": [0.5, 1],
        "flags": [True],
        "more": {"b": [1, {"z": 1, "y": None}], "a": "ü"},
    },
    {"at": 2},
    {"at": 3, "tags": [], "counts": None, "more": {}, "limits": {"x": 1}},
    {"at": 4, "tags": ["long"] * 3, "counts": [2**63 - 1], "prices": [-0.0, 1e300]},
)
BROKEN: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"tags": "a"}, "wrong_type", "tags"),
    ({"tags": None}, "missing_field", "tags"),
    ({"tags": ["a", 1]}, "wrong_type", "tags.1"),
    ({"tags": ["a", None]}, "missing_field", "tags.1"),
    ({"tags": ["a", ""]}, "constraint", "tags.1"),
    ({"tags": ["a"] * 4}, "constraint", "tags"),
    ({"counts": [1, 2.0]}, "wrong_type", "counts.1"),
    ({"counts": [2**63]}, "constraint", "counts.0"),
    ({"counts": [[1]]}, "wrong_type", "counts.0"),
    ({"flags": [1]}, "wrong_type", "flags.0"),
    ({"more": [1]}, "wrong_type", "more"),
    ({"limits": {"a": 1, "b": "2"}}, "wrong_type", "limits.b"),
)


def values(*records: dict[str, Any]) -> list[bytes]:
    return [json.dumps(each, ensure_ascii=False).encode() for each in records]


class Filled:
    """A lake of all the records, some of them in each commit."""

    def __init__(self, folder: Path) -> None:
        made = [*values(*RECORDS), *values(*({"at": 5, **each} for each, _, _ in BROKEN)), *values({"at": 90_000})]
        self.records = {"t/0": [Record(offset, value) for offset, value in enumerate(made)]}
        self.product = Product(pipeline(), folder, self.records, folder)
        steps = (("poll", 0, 1), ("epoch", 0, 0), ("poll", 0, 1), ("epoch", 0, 0), ("restart", 2, 0)) * 8
        self.product.run(Cuts(steps))
        self.plan: Plan = self.product.plan
        self.lake = folder / "lake"

    def events(self) -> list[dict[str, Any]]:
        with LakeReader(self.lake) as reader:
            return reader.query('SELECT * FROM events ORDER BY "offset"').to_pylist()

    def audit(self) -> None:
        with LakeReader(self.lake) as reader:
            report = audit(reader, self.plan, MemorySource(self.records, (3,)), wait=lambda: None)
        assert (report.findings, report.unproven) == ([], [])


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    return Filled(tmp_path)


WANTED: tuple[tuple[Any, ...], ...] = (
    (["a", "b"], [1, -2], [0.5, 1.0], [True], '{"a":"ü","b":[1,{"y":null,"z":1}]}', None),
    ([], None, [], None, "{}", None),
    ([], None, [], None, "{}", '{"x":1}'),
    (["long"] * 3, [2**63 - 1], [0.0, 1e300], None, "{}", None),
    ([], None, [], None, "{}", None),
)
COLUMNS = ("tags", "counts", "prices", "flags", "more", "limits")


def test_lists_and_objects_stand_in_events_and_a_bad_value_is_a_dead_letter_with_its_path(filled: Filled) -> None:
    assert [tuple(row[name] for name in COLUMNS) for row in filled.events()] == list(WANTED)
    with LakeReader(filled.lake) as reader:
        dead = reader.query('SELECT reason, field FROM dead_letters ORDER BY "offset"').to_pylist()
    assert [(row["reason"], row["field"]) for row in dead] == [(reason, path) for _, reason, path in BROKEN]


def test_they_are_proven_compacted_and_stay_what_they_are(filled: Filled) -> None:
    before = filled.events()
    filled.audit()
    with closing(Catalog.open(filled.lake)) as catalog:
        later = NOW + timedelta(days=30)
        retention = Retention(keep=timedelta(0), thin_after=timedelta(0), grace=timedelta(0))
        report = compact(catalog, tables_of(filled.plan, events=True), clock=lambda: later, retention=retention)
        assert report.merged_files > 0
    assert filled.events() == before
    filled.audit()


@pytest.mark.ducklake
def test_other_readers_see_the_same(filled: Filled) -> None:
    sql = f'SELECT {", ".join(COLUMNS)} FROM events ORDER BY "offset"'
    (found,) = ducklake_query(filled.lake, [sql])
    assert found == [list(row) for row in WANTED]
    (count,) = ducklake_query(filled.lake, ["SELECT count(*) FROM events WHERE list_contains(tags, 'b')"])
    assert count == [[1]]
    rows = [
        row for path in sorted((filled.lake / "main" / "events").iterdir()) for row in pq.read_table(path).to_pylist()
    ]
    assert sorted([row["offset"], *(row[name] for name in COLUMNS)] for row in rows) == sorted(
        [row["offset"], *(row[name] for name in COLUMNS)] for row in filled.events()
    )


class Item(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("type_", "told"),
    [
        (list, "say of what, like list[str]"),
        (list[Item], "a list holds str, int, bool or float"),
        (list[list[int]], "a list holds str, int, bool or float"),
        (list[str | None], "cannot be null; drop Optional inside the brackets"),
        (dict[int, str], "its keys are texts: write dict[str, ...]"),
        (Annotated[list[int], Field(ge=1)], "only a length (Len) fits a list or a dict"),
    ],
)
def test_what_cannot_be_kept_is_told_by_name(tmp_path: Path, type_: Any, told: str) -> None:
    model = type("Bad", (BaseModel,), {"__annotations__": {"at": EventTime, "things": type_}})
    with pytest.raises(PipelineError) as mistakes:
        make_plan(Pipeline("p", model, [Rollup("r", [], tumble("1m"), {"n": agg.count()})]), tmp_path)
    assert "things" in str(mistakes.value)
    assert told in str(mistakes.value)


def test_a_list_is_no_key_no_aggregate_and_no_condition(tmp_path: Path) -> None:
    rollups = [
        Rollup("keyed", ["tags"], tumble("1m"), {"n": agg.count()}),
        Rollup("summed", [], tumble("1m"), {"n": agg.count_distinct("tags")}),
        Rollup("asked", [], tumble("1m"), {"n": agg.count()}, where="tags = 'a'"),
    ]
    with pytest.raises(PipelineError) as mistakes:
        make_plan(Pipeline("p", Order, rollups), tmp_path)
    for told in ("a list cannot be a key", "a list cannot be aggregated", "rollups.asked.where"):
        assert told in str(mistakes.value)


def from_json(compiled: bool) -> list[Any]:
    decoder = decoder_for(make_plan(pipeline(), Path()), compiled=compiled)
    decoded = decoder.decode(pa.array([*values(*RECORDS)], pa.binary()))
    assert decoded.refusals == []
    return decoded.events.to_pylist()


AVRO: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "at", "type": "long"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "counts", "type": ["null", {"type": "array", "items": "long"}]},
        {"name": "prices", "type": {"type": "array", "items": "double"}},
        {"name": "flags", "type": ["null", {"type": "array", "items": "boolean"}]},
        {
            "name": "more",
            "type": {
                "type": "record",
                "name": "More",
                "fields": [
                    {
                        "name": "b",
                        "type": {"type": "array", "items": ["int", {"type": "map", "values": ["null", "int"]}]},
                    },
                    {"name": "a", "type": "string"},
                ],
            },
        },
        {"name": "limits", "type": ["null", {"type": "map", "values": "long"}]},
    ],
}
FULL = {**RECORDS[0], "limits": {"y": 2, "x": 1}}
FULL_ROW = {
    "at": 1,
    "tags": ["a", "b"],
    "counts": [1, -2],
    "prices": [0.5, 1.0],
    "flags": [True],
    "more": '{"a":"ü","b":[1,{"y":null,"z":1}]}',
    "limits": '{"x":1,"y":2}',
}


def test_the_compiled_decoder_the_careful_one_and_the_contract_say_the_same() -> None:
    rows = [tuple(row[name] for name in COLUMNS) for row in from_json(compiled=True)]
    assert rows == list(WANTED[:4])
    assert from_json(compiled=False) == from_json(compiled=True)
    schema = schema_of(Order)
    for record, reason, path in BROKEN:
        (value,) = values({"at": 5, **record})
        refusal = judge_record(schema, value, None)
        assert isinstance(refusal, Refusal)
        assert (refusal.reason, refusal.field) == (reason, path)
        for compiled in (True, False):
            decoded = decoder_for(make_plan(pipeline(), Path()), compiled=compiled).decode(
                pa.array([value], pa.binary())
            )
            assert decoded.refusals == [refusal]


def test_of_a_repeated_key_the_last_counts_and_numbers_stay_as_they_were_written() -> None:
    row = judge_record(schema_of(Order), b'{"at":1,"more":{"b":1.50,"a":[1e3, -0],"b":"\\u00fc\\n"}}', None)
    assert isinstance(row, dict)
    assert row["more"] == '{"a":[1e3,-0],"b":"\u00fc\\n"}'


def test_avro_arrays_maps_and_records_are_lists_and_objects() -> None:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(AVRO), FULL)
    decoder = bare_avro(schema_of(Order), None, json.dumps(AVRO), {})
    assert decoder.verdict(body.getvalue()) == FULL_ROW
    odd = {**AVRO, "fields": [AVRO["fields"][0], {"name": "tags", "type": {"type": "array", "items": "long"}}]}
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(odd), {"at": 1, "tags": [7]})
    refusal = bare_avro(schema_of(Order), None, json.dumps(odd), {}).verdict(body.getvalue())
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == ("wrong_type", "tags.0")


def message() -> tuple[bytes, Any]:
    """Descriptors of such an order, and the class of its messages."""
    file = descriptor_pb2.FileDescriptorProto(name="lists.proto", package="shop", syntax="proto3")
    order = file.message_type.add(name="Order")
    kinds = {"at": 3, "tags": 9, "counts": 3, "prices": 1, "flags": 8}
    for number, (name, kind) in enumerate(kinds.items(), start=1):
        order.field.add(name=name, number=number, type=kind, label=1 if name == "at" else 3)
    entry = order.nested_type.add(name="LimitsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=9, label=1)
    entry.field.add(name="value", number=2, type=3, label=1)
    order.field.add(name="limits", number=7, type=11, label=3, type_name=".shop.Order.LimitsEntry")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))
    return descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString(), made


def test_protobuf_repeated_fields_and_maps_are_lists_and_objects() -> None:
    descriptors, made = message()
    decoder = protobuf_decoder(schema_of(Order), None, read_descriptors(descriptors, "shop.Order"), {}, None)
    full = {name: value for name, value in FULL.items() if name != "more"}
    assert decoder.verdict(made(**full).SerializeToString()) == {**FULL_ROW, "more": "{}"}
    # an empty repeated field and an absent one are the same bytes
    empty = {"at": 1, "tags": [], "counts": [], "prices": [], "flags": [], "more": "{}", "limits": "{}"}
    assert decoder.verdict(made(at=1).SerializeToString()) == empty


def rows_of(folder: Path) -> list[Any]:
    schema = schema_of(Order)
    with closing(FilesSource(folder, schema)) as source:
        (name,) = source.partitions()
        reader = source.open(name, None, None)
        return [row for poll in polls(reader) for row in decode_poll(file_decoder(schema), poll).events.to_pylist()]


def test_files_of_parquet_avro_and_csv_give_the_same_rows(tmp_path: Path) -> None:
    for form in ("parquet", "avro", "csv"):
        (tmp_path / form).mkdir()
    more = pa.struct([("b", pa.list_(pa.int64())), ("a", pa.string())])
    fields: list[tuple[str, pa.DataType]] = [
        ("tags", pa.list_(pa.string())),
        ("counts", pa.list_(pa.int32())),
        ("prices", pa.list_(pa.float64())),
    ]
    fields += [("flags", pa.list_(pa.bool_())), ("more", more), ("limits", pa.map_(pa.string(), pa.int64()))]
    simple = {**FULL, "more": {"b": [1], "a": "ü"}, "limits": [("y", 2), ("x", 1)]}
    table = pa.Table.from_pylist([simple], pa.schema([("at", pa.int64()), *fields]))
    pq.write_table(table, tmp_path / "parquet" / "a.parquet")
    with (tmp_path / "avro" / "a.avro").open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(AVRO), [FULL])
    cells = [json.dumps(FULL[name], ensure_ascii=False).replace('"', '""') for name in COLUMNS]
    line = ",".join(f'"{cell}"' for cell in cells)
    (tmp_path / "csv" / "a.csv").write_text(f"at,{','.join(COLUMNS)}\n1,{line}\n2,,,,,,\n3,a,,,,,\n")
    assert rows_of(tmp_path / "parquet") == [{**FULL_ROW, "more": '{"a":"ü","b":[1]}'}]
    assert rows_of(tmp_path / "avro") == [FULL_ROW]
    assert rows_of(tmp_path / "csv")[0] == FULL_ROW
    # an empty cell is null or absent; a cell that is no list is a dead letter
    assert [row["at"] for row in rows_of(tmp_path / "csv")] == [1, 2]


def test_one_person_is_erased_and_lists_of_others_stay(filled: Filled) -> None:
    before = filled.events()
    with closing(Catalog.open(filled.lake)) as catalog:
        definition = read_definition(catalog.definitions()["orders"])
        assert definition is not None
        condition = equalities("limits = '{\"x\":1}'", condition_schema(definition))
        done = erase(catalog, definition, condition, clock=lambda: NOW, wait=lambda: None)
    assert done.proof.left == []
    assert filled.events() == [row for row in before if row["limits"] is None]
    with pytest.raises(ValueError, match="unknown column tags"):
        equalities("tags = 'a'", condition_schema(definition))


def test_answers_of_every_form_have_lists(filled: Filled) -> None:
    with LakeReader(filled.lake) as reader:
        snapshot = reader.snapshot()
        sql = 'SELECT tags, counts, prices, more FROM events ORDER BY "offset" LIMIT 1'
        wanted = {"tags": ["a", "b"], "counts": [1, -2], "prices": [0.5, 1.0], "more": WANTED[0][4]}
        ((line,),) = snapshot.texts(sql, partial(json_lines, style=Style())).rows()
        assert json.loads(str(line)) == wanted
        ((line,),) = snapshot.texts(sql, partial(csv_lines, style=Style())).rows()
        (cells,) = csv.reader([str(line)])
        assert [json.loads(cell) for cell in cells[:3]] == [["a", "b"], [1, -2], [0.5, 1.0]]
        assert cells[3] == wanted["more"]
