"""Why required fields are missing in a record: a model for another topic, an envelope, keys called otherwise."""

from collections.abc import Mapping

from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.losses.cause import Cause
from dataflow.spoken import listed

_OTHER_TOPIC = (
    "name the pipeline of this topic with --pipeline, or the topic of this pipeline with --topic; fields that may be "
    "absent need a default in the model, like `= None` behind `str | None`"
)


def missing_cause(schema: EventSchema, record: Mapping[str, object]) -> Cause | None:
    """What is wrong with a record that lacks required fields; None if it lacks none on its first level."""
    children = [child for child in schema.root.children if _is_required(child)]
    wanted = [child.path[-1] for child in children]
    lacking = [child for child in children if not _is_there(child, record)]
    if not lacking:
        return None
    missing = [child.path[-1] for child in lacking]
    has = f"the example has the keys {listed(list(record))}" if record else "the example has no key at all"
    what = f"required fields are missing: {listed(missing)}; {has}"
    inside = _envelope(wanted, record)
    if inside is not None:
        return Cause(
            f"{what}; the event stands inside its key {inside}",
            f"have the producer send what is in {inside} (Kafka Connect: schemas.enable=false), or declare it: a model "
            f"with a field {inside} of the type {schema.model.__name__}",
        )
    alike = {name: other for name in missing if (other := _alike(name, record)) is not None}
    if alike:
        lines = [f'{name}: ... = Field(alias="{other}")' for name, other in alike.items()]
        return Cause(
            f"{what}; {listed([f'{name} is called {other} there' for name, other in alike.items()])}",
            f"name the keys in the model: {listed(lines)}",
        )
    if len(missing) * 2 > len(wanted):
        return Cause(f"{what}, so these look like the records of another topic than the model's", _OTHER_TOPIC)
    return Cause(what, _OTHER_TOPIC)


def _is_required(child: EventField | EventObject) -> bool:
    return child.required


def _is_there(child: EventField | EventObject, record: Mapping[str, object]) -> bool:
    name = child.path[-1]
    return name in record and (child.null_ok or record[name] is not None)


def _envelope(wanted: list[str], record: Mapping[str, object]) -> str | None:
    """The key of an object that has all that is missing outside of it."""
    for key, value in record.items():
        if isinstance(value, Mapping) and wanted and all(name in value for name in wanted):
            return key
    return None


def _alike(name: str, record: Mapping[str, object]) -> str | None:
    plain = _plain(name)
    return next((key for key in record if key != name and _plain(key) == plain), None)


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())
