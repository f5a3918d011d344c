"""What goes out: a record's key and value, or an alert's change with what tells it apart."""

from collections.abc import Iterator
from typing import NamedTuple

from emit.position import Position

Values = tuple[object, ...]


class Record(NamedTuple):
    """`value` None says that there is none any more. `snapshot`: the commit it comes from; `id`: of an alert's change,
    the same however often it is sent, empty for rows; `rule`, `alert_id` and `change` likewise. `values`: where it does
    not go out as JSON, what the columns hold in the place of `value`, times in ms since 1970.
    """

    key: str
    value: str | None
    snapshot: int
    id: str = ""
    rule: str = ""
    alert_id: str = ""
    change: int = 0
    values: Values = ()


class Batch(NamedTuple):
    """Records in their order, to be read once, and where the way out stands once they are sent."""

    records: Iterator[Record]
    position: Position
