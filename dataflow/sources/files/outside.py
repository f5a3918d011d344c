"""What a file's folders say of its records: dt=2026-01-02 is a column where the event model has one."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.event.fields import FieldKind, TimeUnit
from dataflow.event.schema import EventField, EventSchema

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_NUMBERS = (FieldKind.INT, FieldKind.FLOAT, FieldKind.MONEY)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def json_value(field: EventField, text: str) -> object:
    """What `text` says to a field of the model, as a JSON value: a number where it reads one and this is one.

    Text that says nothing to it stays text, which the contract refuses with its own words.
    """
    is_number = field.kind in _NUMBERS and not field.is_amount_text
    is_number = is_number or (field.kind is FieldKind.EVENT_TIME and field.unit is not TimeUnit.TEXT)
    if is_number and _NUMBER.fullmatch(text):
        return json.loads(text, parse_float=Decimal)
    if field.kind in (FieldKind.LIST, FieldKind.JSON):
        try:
            return _RAW.decode(text)
        except msgspec.MsgspecError:
            return text
    return _TRUTH.get(text, text) if field.kind is FieldKind.BOOL else text


def outside_values(event: EventSchema, columns: Mapping[str, str | None]) -> dict[str, object]:
    """JSON values by field, of those `columns` that the model has as fields of its own, by their name or alias."""
    found: dict[str, object] = {}
    for field in event.fields:
        name = next((each for each in (field.name, field.path[-1]) if each in columns), None)
        if name is None or len(field.path) > 1:
            continue
        text = columns[name]
        if text is not None or field.null_ok:
            found[field.name] = None if text is None else json_value(field, text)
    return found


def members_of(event: EventSchema, values: Mapping[str, object]) -> dict[str, object]:
    """Such values by the keys that records have."""
    return {field.path[-1]: values[field.name] for field in event.fields if field.name in values}


class Members:
    """Members to add to JSON objects, in front, so that one in the record itself counts before them."""

    def __init__(self, values: Mapping[str, object]) -> None:
        """`values`: not empty."""
        encoder = msgspec.json.Encoder(decimal_format="number")
        self._text = encoder.encode(dict(values)).decode()[1:-1].replace("\\", "\\\\")

    def added_to(self, records: pa.Array) -> pa.Array:
        """The records, those that begin as an object with the members; others are as they were."""
        texts = pc.replace_substring_regex(
            records, pattern=r"\A[ \t\r]*\{[ \t\r]*\}", replacement=f"{{{self._text}}}", max_replacements=1
        )
        filled = pc.replace_substring_regex(
            texts, pattern=r"\A[ \t\r]*\{", replacement=f"{{{self._text},", max_replacements=1
        )
        return pc.if_else(pc.equal(texts, records), filled, texts)
