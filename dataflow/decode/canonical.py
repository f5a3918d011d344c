"""JSON in one canonical form, so that equal objects are equal texts however a producer wrote them."""

from typing import Any

import msgspec

_RAW_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ANY = msgspec.json.Decoder()


def canonical(raw: bytes) -> str:
    """The text of one JSON value that is well formed.

    Members stand in the order of their keys' code points, of a repeated key the last one; no blanks; of escapes only
    those that JSON demands; numbers as they were written.
    """
    raw = raw.strip(b" \t\r\n")
    head = raw[:1]
    if head == b"{":
        members = _RAW_OBJECT.decode(raw)
        inner = ",".join(f"{quoted(key)}:{canonical(bytes(members[key]))}" for key in sorted(members))
        return f"{{{inner}}}"
    if head == b"[":
        return f"[{','.join(canonical(bytes(each)) for each in _RAW_LIST.decode(raw))}]"
    return quoted(_ANY.decode(raw)) if head == b'"' else raw.decode("ascii")


def canonical_of(value: Any) -> str:
    """The same of Python's values: text, int, a finite float, bool, None, lists, and dicts by text."""
    if isinstance(value, dict):
        return f"{{{','.join(f'{quoted(key)}:{canonical_of(value[key])}' for key in sorted(value))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(canonical_of, value))}]"
    return quoted(value) if isinstance(value, str) else msgspec.json.encode(value).decode()


def quoted(text: str) -> str:
    """A JSON string."""
    return msgspec.json.encode(text).decode()
