"""How far apart the commits of a run are that reads files to their end: nobody waits for each of them."""

from collections.abc import Mapping
from typing import Any

WHERE = "a bounded run over files"
"""Where these values come from, for those who are shown them."""

EPOCH_MS = 1_000
"""Every end of an epoch has all workers wait for its files and for the recovery store."""

EPOCH_BYTES = 512 * 2**20
"""More than one file gives in that time: none waits for the next epoch. What memory holds is bounded by the time."""

BATCH_RECORDS = 80_000
"""A block of short lines: what a poll costs whatever it holds is paid half as often."""

_PACE = {"epoch_ms": EPOCH_MS, "max_epoch_bytes": EPOCH_BYTES, "batch_records": BATCH_RECORDS}


def backfill_pace(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that follow from `values`, which were given; they count where nothing else says what they are."""
    if values.get("source") != "files" or not values.get("bounded"):
        return {}
    return {key: value for key, value in _PACE.items() if key not in values}
