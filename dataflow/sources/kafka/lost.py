"""Offsets that are to be read next and that Kafka no longer has: what is said of them."""

from dataflow.errors import OffsetLost

_NEW_LAKE = "Nothing was skipped. Keep this lake as it is, and start a new one (another --lake and --recovery)"


def offset_lost(partition: str, position: int, low: int, high: int) -> OffsetLost:
    """The records from `position` on were deleted, or the log was cut before it."""
    why = (
        f"{low - position} offsets were deleted before they were read (retention, or delete-records)"
        if position < low
        else "the partition's log was cut back, or the topic was deleted and created anew"
    )
    return OffsetLost(
        f"{partition}: offset {position} is to be read next, but Kafka has only offsets {low} to {high}: {why}. "
        f"{_NEW_LAKE} to count what is there now; a longer retention.ms keeps it from happening again"
    )


def created_anew(partition: str, position: int, old_id: str, new_id: str) -> OffsetLost:
    """The topic has the old name and is another one."""
    return OffsetLost(
        f"{partition}: offset {position} is to be read next, but the topic was deleted and created anew under its name "
        f"(its id was {old_id} and is {new_id}): that offset belongs to the old one. {_NEW_LAKE} for the new topic"
    )
