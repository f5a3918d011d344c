"""What an alert is called and says: its id, its key and values as JSON, its message."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from dataflow.pipeline.alert_plan import Piece
from dataflow.spoken import moment

_ID_BYTES = 16


def alert_id(rule: str, key: str, start_ms: int, end_ms: int, of: str = "") -> str:
    """32 hex digits, for ever the same for a rule's key (as `json_text` writes it), window, and what it is `of`."""
    told = f"{json.dumps(rule)} {key} {start_ms} {end_ms}{of and ' '}{of}"
    return blake2b(told.encode(), digest_size=_ID_BYTES).hexdigest()


def json_text(values: Mapping[str, Any]) -> str:
    """A JSON object: decimals as exact numbers without zeros at their end, dates as text, what is no number as null."""
    return "{" + ", ".join(f"{_json(name)}: {_json(value)}" for name, value in values.items()) + "}"


def key_values(text: str, keys: Sequence[pa.Field]) -> list[Any]:
    """The values that `json_text` has written of a key's columns."""
    read = json.loads(text, parse_float=Decimal)
    return [_read(read[key.name], key.type) for key in keys]


def said(message: Sequence[Piece], values: Mapping[str, Any]) -> str:
    """The message with these values; `window_start` and `window_end` in ms."""
    parts = []
    for text, column in message:
        parts.append(text)
        if column is not None:
            is_time = column in ("window_start", "window_end")
            parts.append(moment(values[column]) if is_time else _plain(values[column]))
    return "".join(parts)


def _json(value: Any) -> str:
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    return json.dumps(value, ensure_ascii=False)


def _read(value: Any, type_: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_decimal(type_):
        return Decimal(value)
    return date.fromisoformat(value) if pa.types.is_date(type_) else value


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return _json(value) if value is None or isinstance(value, bool | Decimal) else str(value)


def _decimal(value: Decimal) -> str:
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
