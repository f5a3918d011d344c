"""Offsets that were gone before they were read: which, since when, and that they are in no table."""

from dataflow.spoken import counted, listed, moment
from doctor.finding import Finding, ok
from query.lost import lost_ranges
from query.reader import LakeSnapshot

CHECK = "source.lost"


def lost_finding(snapshot: LakeSnapshot) -> Finding:
    """What runs with --accept-gap went on behind. All is as it was wished, so it is no warning."""
    found = lost_ranges(snapshot)
    offsets = sum(each.end - each.start for each in found)
    details = {
        "offsets": offsets,
        "ranges": [
            {"partition": each.partition, "start": each.start, "end": each.end, "at": each.at.isoformat()}
            for each in found
        ],
    }
    if not found:
        return ok(CHECK, "no offset was lost before it was read", **details)
    places = listed([f"{each.partition} [{each.start}, {each.end})" for each in found])
    last = moment(max(each.at for each in found))
    return ok(
        CHECK,
        f"{counted(offsets, 'offset')} in {counted(len(found), 'gap')} are in no table: they were deleted before they "
        f"were read, and runs with --accept-gap went on behind them, the last at {last}: {places}",
        **details,
    )
