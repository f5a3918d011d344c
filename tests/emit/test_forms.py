"""A way out has the form that it declares, under its topic's subject; numbers of Protobuf follow the newest schema."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dataflow import avro, kafka, protobuf
from dataflow.formats.declared import Format
from dataflow.formats.schemas import RegisteredSchema
from emit.form import JsonForm
from emit.forms import form_of
from emit.record import Record
from tests.emit.lakes import product


class Registry:
    """Takes all, and knows the newest of each subject."""

    def __init__(self) -> None:
        self.subjects: dict[str, RegisteredSchema] = {}

    def latest(self, subject: str) -> RegisteredSchema | None:
        return self.subjects.get(subject)

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        self.subjects[subject] = schema
        return 1


def test_without_a_registry_it_is_json(tmp_path: Path) -> None:
    assert isinstance(form_of("small", product(tmp_path, {}).plan.emits[0], None), JsonForm)


@pytest.mark.parametrize("form", [avro(), protobuf()], ids=["avro", "protobuf"])
def test_rows_and_alerts_are_named_as_their_rollup_and_as_what_they_are(tmp_path: Path, form: Format) -> None:
    plan, registry = product(tmp_path, {}).plan, Registry()
    for each in (plan.emits[0], next(each for each in plan.emits if each.name == "alerts.a")):
        form_of("small", replace(each, target=kafka(f"to.{each.name}", format=form)), registry).open()
    rows, alerts = (registry.subjects[f"to.{name}-value"] for name in ("minutes.final.f", "alerts.a"))
    if form.name == "avro":
        told = [(made["namespace"], made["name"]) for made in (json.loads(each.text) for each in (rows, alerts))]
        assert told == [("tidemill.small", "minutes"), ("tidemill.small", "alert_change")]
    else:
        assert "package tidemill.small;" in rows.text
        assert "message minutes {" in rows.text
        assert "message alert_change {" in alerts.text


def test_a_message_follows_the_newest_one_unless_that_is_of_another_kind(tmp_path: Path) -> None:
    plan, registry = product(tmp_path, {}).plan, Registry()
    way = replace(plan.emits[0], target=kafka("f", format=protobuf()))
    subject = "f-value"
    registry.subjects[subject] = RegisteredSchema("AVRO", "  string who = 5;\n")
    form_of("small", way, registry).open()
    assert "optional string who = 1;" in registry.subjects[subject].text
    registry.subjects[subject] = RegisteredSchema("PROTOBUF", "  string who = 5;\n  string gone = 4;\n")
    form = form_of("small", way, registry)
    form.open()
    text = registry.subjects[subject].text
    assert "optional string who = 5;" in text
    assert "reserved 4;" in text
    written = form.written(Record("{}", None, 1, values=("ann", 0, 60_000, 1, None, 1, False)))
    assert written is not None
    # field 5, of bytes
    assert written[:6] == b"\0\0\0\0\1\0"
    assert b"\x2a\x03ann" in written
