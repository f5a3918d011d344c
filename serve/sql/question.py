"""A question to the pool, and its answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa


class Asked(NamedTuple):
    """One SELECT. `as_of` names a snapshot, by id or time; `rows` and `timeout_s` may ask for less than the limits."""

    sql: str
    parameters: Sequence[object] | Mapping[str, object] | None = None
    as_of: str | None = None
    rows: int | None = None
    timeout_s: float | None = None


class Answered(NamedTuple):
    """The rows, equal to those of LakeReader.query, as a table and as the Arrow IPC stream that it was read from.

    `why_cut` says what is left out, in words, and is None unless `is_cut`.
    """

    table: pa.Table
    stream: bytes
    snapshot_id: int
    snapshot_time: datetime
    is_cut: bool = False
    why_cut: str | None = None
