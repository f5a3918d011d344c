"""What the server tells a child; the other way nothing but frames of JSON and Arrow comes back."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from serve.sql.place import Place


class Birth(NamedTuple):
    """What a child needs before it raises its walls. `parent` is the process that it ends with."""

    place: Place
    parent: int
    threads: int
    memory_bytes: int


class Order(NamedTuple):
    """A question to a child, about the snapshot that it was told last."""

    sql: str
    parameters: Sequence[object] | Mapping[str, object] | None
    rows: int
    bytes: int
