"""A record's first bytes as text that no terminal and no log takes for anything else."""

from codecs import getincrementaldecoder

SHOWN_BYTES = 200

_DECODER = getincrementaldecoder("utf-8")


def shown(value: bytes) -> str:
    """The first SHOWN_BYTES bytes: UTF-8 as it is, control characters and all other bytes escaped."""
    cut = len(value) > SHOWN_BYTES
    text = _DECODER("backslashreplace").decode(value[:SHOWN_BYTES], not cut)
    safe = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return f"{safe}..." if cut else safe


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
