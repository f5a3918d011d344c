"""The format of a pipeline: schema files read at the start, every mistake with its fix."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from dataflow import EventTime, KafkaKey, KafkaKeyField, Pipeline, Rollup, avro, json, protobuf
from dataflow import aggregates as agg
from dataflow.errors import PipelineError
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble
from tests.avro_events import FIRST, PIPELINE, SECOND
from tests.proto_events import OrderMessage, descriptors

ROLLUPS = [Rollup("each", keys=[], window=tumble("1m"), aggregates={"n": agg.count()})]


def plan_of(folder: Path, declared: Any) -> Any:
    return make_plan(replace(PIPELINE, format=declared), folder)


def test_json_goes_without_saying_and_changes_no_definition(tmp_path: Path) -> None:
    assert "format" not in plan_of(tmp_path, json()).definition
    assert plan_of(tmp_path, json()).fingerprint == make_plan(PIPELINE, tmp_path).fingerprint


def test_a_schema_file_is_read_relative_to_the_pipeline_and_belongs_to_the_definition(tmp_path: Path) -> None:
    (tmp_path / "order.avsc").write_text(FIRST)
    first = plan_of(tmp_path, avro("order.avsc"))
    assert first.format.schema == FIRST
    (tmp_path / "order.avsc").write_text(SECOND)
    assert plan_of(tmp_path, avro("order.avsc")).fingerprint != first.fingerprint
    assert plan_of(tmp_path, avro()).definition["format"] == {"name": "avro", "schema": None, "aliases": {}}


def test_aliases_name_fields_by_the_name_that_is_read(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, avro(aliases={"place.city": ["town"], "at": ("when",)}))
    assert plan.definition["format"]["aliases"] == {"at": ["when"], "place.city": ["town"]}


def test_a_message_is_that_of_a_class_or_of_a_file_of_descriptors(tmp_path: Path) -> None:
    (tmp_path / "order.desc").write_bytes(descriptors())
    of_file = plan_of(tmp_path, protobuf("order.desc", "shop.Order"))
    of_class = plan_of(tmp_path, protobuf(OrderMessage, registry=True))
    assert (of_file.format.message, of_file.format.registry) == ("shop.Order", False)
    assert (of_class.format.message, of_class.format.registry) == ("shop.Order", True)
    assert of_class.definition["format"].keys() == {"name", "schema", "aliases", "message", "registry"}


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("avro", r"format = 'avro': write json\(\), avro\(...\) or protobuf\(...\)"),
        (avro("nowhere.avsc"), r"nowhere.avsc cannot be read: No such file"),
        (avro("broken.avsc"), r"broken.avsc is no Avro schema of an event: not JSON"),
        (avro("text.avsc"), r"a schema of string; events are records"),
        (protobuf(5), r"takes a generated class"),
        (protobuf("nowhere.desc", "shop.Order"), r"nowhere.desc cannot be read: No such file"),
        (protobuf("broken.avsc", "shop.Order"), r"broken.avsc does not fit: no set of descriptors"),
        (protobuf("broken.avsc"), r"name the message of the file"),
        (avro(5), r"takes the path of a schema file"),  # type: ignore[arg-type]
        (avro(aliases={"ordr_id": ["x"]}), r"no field of the event is called so.*order_id"),
        (avro(aliases={"order_id": "x"}), r"write a list of former names"),
    ],
)
def test_mistakes_are_told_with_the_others(tmp_path: Path, declared: Any, said: str) -> None:
    (tmp_path / "broken.avsc").write_text("{")
    (tmp_path / "text.avsc").write_text('"string"')
    with pytest.raises(PipelineError, match=said):
        plan_of(tmp_path, declared)


class Keyed(BaseModel):
    user: KafkaKeyField("user_id", int)  # type: ignore[valid-type]
    at: EventTime


class Text(BaseModel):
    user: KafkaKey
    at: EventTime


class Keyless(BaseModel):
    at: EventTime


@pytest.mark.parametrize(
    ("model", "declared", "said"),
    [
        (Keyed, None, "needs key_format"),
        (Keyed, "avro", "key_format"),
        (Keyless, avro(), "no field of the event is of the key"),
        (Text, avro("gone.avsc"), "key_format"),
        (Text, protobuf(5), "key_format"),
    ],
)
def test_mistakes_of_a_key_format_are_told(tmp_path: Path, model: type[BaseModel], declared: Any, said: str) -> None:
    with pytest.raises(PipelineError) as raised:
        make_plan(Pipeline("keyed", model, ROLLUPS, key_format=declared), tmp_path)
    assert said in str(raised.value)


def test_a_key_that_is_no_text_belongs_to_the_definition(tmp_path: Path) -> None:
    definition: Any = make_plan(Pipeline("keyed", Keyed, ROLLUPS, key_format=avro()), tmp_path).definition
    assert definition["key_format"]["name"] == "avro"
    (field,) = [each for each in definition["event"] if each["name"] == "user"]
    assert (field["record"], field["key_field"]) == ("key", "user_id")
