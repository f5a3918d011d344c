"""Zones as the pinned tz database has them, whatever the machine has."""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@cache
def clock(zone: str) -> ZoneInfo:
    """The zone called so."""
    with files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=zone)
