"""Texts in a field table."""

import json

_ESCAPED = {ord("'"): "\\u0027", ord(";"): "\\u003b"}


def quoted(text: str) -> str:
    """A JSON string in ASCII, without what ends a literal of SQL or, for some clients, a statement."""
    return json.dumps(text).translate(_ESCAPED)
