"""Texts in a field table."""

import json


def quoted(text: str) -> str:
    """A JSON string in ASCII, without what ends a literal of SQL or, for some clients, a statement."""
    return json.dumps(text).replace("'", "\\u0027").replace(";", "\\u003b")
