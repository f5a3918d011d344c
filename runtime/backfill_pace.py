"""How far apart the commits of a run are that ends by itself: nobody waits for each of them."""

from collections.abc import Mapping
from typing import Any

WHERE = "a bounded run"
"""Where these values come from, for those who are shown them."""

KAFKA_EPOCH_MS = 500
"""While a commit's files are written, no record is read; librdkafka fetches on, as far as its queue goes."""

EPOCH_MS = 1_000
"""Every end of an epoch has all workers wait for its files and for the recovery store."""

EPOCH_BYTES = 512 * 2**20
"""More than one file gives in that time: none waits for the next epoch. What memory holds is bounded by the time."""

BATCH_RECORDS = 80_000
"""A block of short lines: what a poll costs whatever it holds is paid half as often."""

_OF_KAFKA = {"epoch_ms": KAFKA_EPOCH_MS}
_OF_FILES = {"epoch_ms": EPOCH_MS, "max_epoch_bytes": EPOCH_BYTES, "batch_records": BATCH_RECORDS}


def backfill_pace(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that follow from `values`, which were given; they count where nothing else says what they are.

    Longer epochs than ours keep the usual cap of bytes: time would not bound what memory holds.
    """
    if not values.get("bounded"):
        return {}
    pace = _OF_FILES if values.get("source") == "files" else _OF_KAFKA
    left = {"max_epoch_bytes"} if values.get("epoch_ms", 0) > EPOCH_MS else set()
    return {key: value for key, value in pace.items() if key not in values and key not in left}
