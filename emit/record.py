"""What goes out: a record's key and value, or an alert's change with what tells it apart."""

from collections.abc import Iterator
from typing import NamedTuple

from emit.position import Position


class Record(NamedTuple):
    """`value` None says that there is none any more. `snapshot`: the commit it comes from; `id`: of an alert's change,
    the same however often it is sent, empty for rows; `rule`, `alert_id` and `change` likewise.
    """

    key: str
    value: str | None
    snapshot: int
    id: str = ""
    rule: str = ""
    alert_id: str = ""
    change: int = 0


class Batch(NamedTuple):
    """Records in their order, to be read once, and where the way out stands once they are sent."""

    records: Iterator[Record]
    position: Position
