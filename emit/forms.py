"""From a way out to the form in which its values go out."""

from dataflow.formats.avro_schema import avro_schema
from dataflow.formats.schemas import RegisteredSchema
from dataflow.pipeline.emit_format import AVRO
from dataflow.pipeline.emit_plan import EmitPlan
from dataflow.pipeline.targets import Kafka
from emit.form import Form, JsonForm
from emit.registered import Body, Make, RegisteredForm, Registers

ALERT_CHANGE = "alert_change"
"""What a schema calls a change of an alert; a row it calls as its rollup."""


def form_of(pipeline: str, plan: EmitPlan, registry: Registers | None) -> Form:
    """Of a way out to Kafka; without a registry it is JSON. A schema is subject TOPIC-value, in namespace
    tidemill.PIPELINE.
    """
    if registry is None:
        return JsonForm()
    assert isinstance(plan.target, Kafka)
    name = plan.rollup.name if plan.rollup is not None else ALERT_CHANGE
    make = _avro if plan.target.format.name == AVRO else _protobuf
    return RegisteredForm(registry, f"{plan.target.topic}-value", make(name, f"tidemill.{pipeline}", plan))


def _avro(name: str, namespace: str, plan: EmitPlan) -> Make:
    # only who writes it needs its library
    from emit.avro_body import avro_body

    text = avro_schema(name, namespace, plan.values)
    made = RegisteredSchema("AVRO", text), avro_body(text)
    return lambda _newest: made


def _protobuf(name: str, package: str, plan: EmitPlan) -> Make:
    # only who writes it needs its library
    from dataflow.formats.protobuf_schema import MessageSchema, numbers_in
    from emit.protobuf_body import protobuf_body

    columns = plan.values

    def make(newest: RegisteredSchema | None) -> tuple[RegisteredSchema, Body]:
        before = numbers_in(newest.text) if newest is not None and newest.kind == "PROTOBUF" else None
        schema = MessageSchema(name, package, columns, before)
        return RegisteredSchema("PROTOBUF", schema.text), protobuf_body(schema, columns)

    return make
