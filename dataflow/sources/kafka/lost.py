"""Offsets that are to be read next and that Kafka no longer has: what is said of them."""

from dataflow.errors import OffsetLost

_NEW_LAKE = "Nothing was skipped. Keep this lake as it is, and start a new one (another --lake and --recovery)"


def offset_lost(partition: str, position: int, low: int, high: int) -> OffsetLost:
    """The records from `position` on were deleted, or the log was cut before it."""
    what = f"{partition}: offset {position} is to be read next, but Kafka has only offsets {low} to {high}"
    if position < low:
        return OffsetLost(
            f"{what}: {low - position} offsets were deleted before they were read (retention, or delete-records). "
            f"Nothing was skipped. To go on at {low} in this lake, with the gap in its ledger, run with --accept-gap; "
            "to count only what is there now, fill a new one (another --lake and --recovery); a longer retention.ms "
            "keeps it from happening again"
        )
    return OffsetLost(
        f"{what}: the partition's log was cut back, or the topic was deleted and created anew, and offsets that go "
        f"back are no gap. {_NEW_LAKE} to count what is there now"
    )


def created_anew(partition: str, position: int, old_id: str, new_id: str) -> OffsetLost:
    """The topic has the old name and is another one."""
    return OffsetLost(
        f"{partition}: offset {position} is to be read next, but the topic was deleted and created anew under its name "
        f"(its id was {old_id} and is {new_id}): that offset belongs to the old one. {_NEW_LAKE} for the new topic"
    )
