"""Every mistake in the format of what leaves is told with field, value and fix."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup, avro, json, kafka, protobuf, webhook
from dataflow import aggregates as agg
from dataflow.errors import PipelineError
from dataflow.formats.declared import Format
from dataflow.pipeline.alert_rules import threshold
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble

HERE = Path(__file__).parent


class Visit(BaseModel):
    time: EventTime
    größe: str
    who: str = "a"
    who_at: str = "a"
    whoAt: str = "a"


def mistakes(emit: Any, alerts_to: Any = (), keys: list[str] | None = None) -> list[str]:
    rollup = Rollup("minutes", keys or ["who"], tumble("1m"), {"n": agg.count()}, emit=emit)
    rules = [threshold("odd", on="minutes", having="n > 1")]
    try:
        make_plan(Pipeline("small", Visit, [rollup], alerts=rules, alerts_to=alerts_to), HERE)
    except PipelineError as error:
        return error.mistakes
    return []


@pytest.mark.parametrize(
    ("emit", "said"),
    [
        (kafka("a", format="avro"), "rollups.minutes.emit.format = 'avro': write json(), avro() or"),  # type: ignore[arg-type]
        (kafka("a", format=avro("a.avsc")), "rollups.minutes.emit.format = 'avro(...)': the schema is made of the"),
        (kafka("a", format=protobuf("a.desc", "A")), "rollups.minutes.emit.format = 'protobuf(...)': the schema is"),
        (kafka("a", format=protobuf(registry=True)), "rollups.minutes.emit.format = 'protobuf(...)': the schema is"),
        (kafka("a", format=avro(aliases={"a": ["b"]})), "rollups.minutes.emit.format = 'avro(...)': the schema is"),
    ],
)
def test_a_format_that_says_too_much_is_told(emit: Any, said: str) -> None:
    (line,) = mistakes(emit)
    assert line.startswith(said), line
    (line,) = mistakes(None, [emit])
    assert line.startswith(said.replace("rollups.minutes.emit", "alerts_to[0]")), line


@pytest.mark.parametrize("form", [avro(), protobuf()], ids=["avro", "protobuf"])
def test_a_column_that_a_schema_has_no_name_for_is_told_and_goes_out_as_json(form: Format) -> None:
    (line,) = mistakes(kafka("a", format=form), keys=["größe"])
    assert line.startswith(f"rollups.minutes.emit.format = '{form.name}()': größe is no name in {form.name.title()}"), (
        line
    )
    assert line.endswith("call the column otherwise, or write json()")
    assert mistakes(kafka("a", format=json()), keys=["größe"]) == []


def test_columns_that_are_one_in_protobufs_json_are_told() -> None:
    (line,) = mistakes(kafka("a", format=protobuf()), keys=["who_at", "whoAt"])
    assert "'protobuf()': its columns make no message: " in line
    assert mistakes(kafka("a", format=avro()), keys=["who_at", "whoAt"]) == []


def test_a_topic_with_a_registered_schema_takes_nothing_else() -> None:
    once = [kafka("a", format=avro()), kafka("b", when="every_commit", format=avro())]
    assert mistakes(once, [kafka("c", format=avro()), webhook("https://h", secret="S")]) == []
    for other in (kafka("a", when="every_commit", format=avro()), kafka("a", when="every_commit")):
        (line,) = mistakes([kafka("a", format=avro()), other])
        assert line == (
            "rollups.minutes.emit = \"kafka('a')\": minutes.every_commit.a goes to the same topic, and subject a-value "
            "has one schema; name another topic"
        )
    (line,) = mistakes(kafka("a"), kafka("a", format=avro()))
    assert line.startswith("alerts_to = \"kafka('a')\": minutes.final.a goes to the same topic"), line
