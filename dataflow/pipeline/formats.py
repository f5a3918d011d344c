"""The format of a pipeline's records, checked: schema files read, aliases of columns that there are."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dataflow.event.record_part import KEY
from dataflow.event.schema import EventField, EventObject, EventSchema, FieldKind
from dataflow.formats.avro import SchemaError, read_schema
from dataflow.formats.declared import Format, json
from dataflow.pipeline.checks import Mistakes
from dataflow.spelling import suggest

_FORMS = "json(), avro(...) or protobuf(...)"


def check_format(mistakes: Mistakes, declared: object, event: EventSchema | None, base_dir: Path) -> Format:
    """`declared` with the text of its schema file; `json()` where it is wrong, which is noted."""
    if not isinstance(declared, Format):
        mistakes.add("format", declared, f"write {_FORMS}")
        return json()
    if declared.name == "avro":
        return _avro(mistakes, declared, event, base_dir)
    if declared.name == "protobuf":
        return _protobuf(mistakes, declared, event, base_dir)
    return declared


def check_key_format(mistakes: Mistakes, declared: object, event: EventSchema | None, base_dir: Path) -> Format | None:
    """As `check_format`, of the records' keys; None where they are text."""
    keys = (
        [] if event is None else [leaf for leaf in event.fields if leaf.record is not None and leaf.record.part == KEY]
    )
    if declared is None:
        for leaf in keys:
            if leaf.record is not None and (leaf.record.field is not None or leaf.kind is not FieldKind.STR):
                fix = (
                    "needs key_format, which says in which form keys are; without one a key is text, as KafkaKey has it"
                )
                mistakes.add(f"event.{leaf.name}", "KafkaKeyField", fix)
        return None
    if not isinstance(declared, Format):
        mistakes.add("key_format", declared, f"write {_FORMS}")
        return None
    if event is not None and not keys:
        mistakes.add(
            "key_format", declared.name, "no field of the event is of the key; give one the type KafkaKeyField"
        )
    if declared.name == "json":
        return declared
    check = _avro if declared.name == "avro" else _protobuf
    return check(mistakes, declared, None, base_dir, key="key_format")


def _avro(
    mistakes: Mistakes, declared: Format, event: EventSchema | None, base_dir: Path, key: str = "format"
) -> Format:
    _check_aliases(mistakes, declared.aliases, event)
    if declared.schema is None:
        return declared
    path = declared.schema
    if not isinstance(path, str | Path):
        mistakes.add(key, path, "avro(...) takes the path of a schema file, relative to this file, or nothing")
        return json()
    try:
        text = (base_dir / path).read_text("utf-8")
        schema = read_schema(text)
        if schema.kind != "record" and key == "format":
            raise SchemaError(f"it is a schema of {schema.shown}; events are records")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        mistakes.add(key, f"avro({str(path)!r})", f"the schema file {base_dir / path} cannot be read: {why}")
        return json()
    except SchemaError as error:
        mistakes.add(key, f"avro({str(path)!r})", f"{base_dir / path} is no Avro schema of an event: {error}")
        return json()
    return replace(declared, schema=text)


def _protobuf(
    mistakes: Mistakes, declared: Format, event: EventSchema | None, base_dir: Path, key: str = "format"
) -> Format:
    from dataflow.formats.protobuf import files_of, read_descriptors

    _check_aliases(mistakes, declared.aliases, event)
    of_class = files_of(declared.schema)
    if of_class is not None:
        return replace(declared, schema=of_class[0], message=of_class[1])
    path, name = declared.schema, declared.message
    if not isinstance(path, str | Path):
        fix = "protobuf(...) takes a generated class, or the path of a file of descriptors and a message's name"
        mistakes.add(key, path, fix)
        return json()
    if not isinstance(name, str):
        mistakes.add(f"{key}.message", name, 'name the message of the file, as in protobuf("order.desc", "shop.Order")')
        return json()
    try:
        content = (base_dir / path).read_bytes()
        read_descriptors(content, name)
    except OSError as error:
        fix = f"the file {base_dir / path} cannot be read: {error.strerror}"
        mistakes.add(key, f"protobuf({str(path)!r})", fix)
        return json()
    except SchemaError as error:
        mistakes.add(key, f"protobuf({str(path)!r})", f"{base_dir / path} does not fit: {error}")
        return json()
    return replace(declared, schema=base64.b64encode(content).decode())


def _check_aliases(mistakes: Mistakes, aliases: object, event: EventSchema | None) -> None:
    if not isinstance(aliases, Mapping):
        mistakes.add("format.aliases", aliases, 'write aliases={"column": ["former_name"]}')
        return
    if event is None:
        return
    known = _paths(event.root)
    for name, former in aliases.items():
        if name not in known:
            mistakes.add("format.aliases", name, f"no field of the event is called so{suggest(str(name), known)}")
        if not isinstance(former, list | tuple) or not all(isinstance(each, str) for each in former):
            mistakes.add(f"format.aliases.{name}", former, "write a list of former names")


def _paths(node: EventObject) -> list[str]:
    """Every field, by the names that are read, nested ones as a.b."""
    found = []
    for child in node.children:
        found.append(".".join(child.path))
        if not isinstance(child, EventField):
            found += _paths(child)
    return found
