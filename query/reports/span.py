"""The range of time that a report covers, made from its parameters: `-- range: last $minutes minutes`."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from dataflow.errors import ConfigError
from query.moment import EPOCH, from_ms, start_of
from query.reports.values import Value

if TYPE_CHECKING:
    from dataflow.zones import Zone

_MS = timedelta(milliseconds=1)

UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
FORMS = (
    "`last $n minutes` (hours, days), `day $day` or `from $since to $until`; days also by a zone's clock, like "
    "`day $day in Europe/Amsterdam` or `day $day in $zone`"
)

_IN = r"(?: in (\$\w+|[A-Za-z][\w+/-]*))?"
_LAST = re.compile(r"last (?:\$(\w+)|([1-9]\d{0,5})) (minutes|hours|days)" + _IN)
_DAY = re.compile(r"day \$(\w+)" + _IN)
_BETWEEN = re.compile(r"from \$(\w+) to \$(\w+)")


class Clock(NamedTuple):
    """By whose clock days are counted: `zone`, or what the parameter says; UTC where neither is set."""

    zone: str | None = None
    parameter: str | None = None

    @property
    def needs(self) -> dict[str, str]:
        """The parameter it is made of, with its type."""
        return {} if self.parameter is None else {self.parameter: "text"}

    def start_of(self, day: date, values: Mapping[str, Value]) -> datetime:
        """When the day begins there. Raises ConfigError for a zone that is none."""
        zone = self._zone(values)
        if zone is None:
            return start_of(day)
        import numpy as np

        midnight = np.array([(start_of(day) - EPOCH) // _MS], np.int64)
        return from_ms(int(zone.first(midnight)[0]))

    def day_of(self, moment: datetime, values: Mapping[str, Value]) -> date:
        """Which day it is there. Raises ConfigError for a zone that is none."""
        zone = self._zone(values)
        if zone is None:
            return moment.date()
        import numpy as np

        shown = int(zone.furthest(np.array([(moment - EPOCH) // _MS], np.int64))[0])
        return from_ms(shown).date()

    def _zone(self, values: Mapping[str, Value]) -> "Zone | None":
        if self == UTC_CLOCK:
            return None
        name = self.zone if self.parameter is None else values[self.parameter]
        from dataflow.zones import zone_of

        try:
            return zone_of(str(name))
        except ValueError as error:
            raise ConfigError(f"--{self.parameter}", str(name), f"is {error}") from None


UTC_CLOCK = Clock()


class Last(NamedTuple):
    """The last so many whole units, the running one included: as many as the parameter says, or `units`."""

    parameter: str | None
    units: int
    unit: str
    clock: Clock = UTC_CLOCK

    @property
    def needs(self) -> dict[str, str]:
        """The parameters it is made of, with their types."""
        return ({} if self.parameter is None else {self.parameter: "integer"}) | self.clock.needs

    def limits(self, values: Mapping[str, Value], moment: datetime) -> tuple[datetime, datetime]:
        """[start, end), aware UTC, asked at `moment`. Raises ConfigError."""
        count = self.units if self.parameter is None else values[self.parameter]
        assert isinstance(count, int)
        if count < 1:
            raise ConfigError(f"--{self.parameter}", count, "must be 1 or more")
        unit = UNITS[self.unit]
        try:
            if self.clock != UTC_CLOCK:
                end_day = self.clock.day_of(moment, values) + unit
                return self.clock.start_of(end_day - count * unit, values), self.clock.start_of(end_day, values)
            end = EPOCH + (moment - EPOCH) // unit * unit + unit
            return end - count * unit, end
        except OverflowError:
            raise ConfigError(f"--{self.parameter}", count, "reaches back beyond the year 1; ask for less") from None


class Day(NamedTuple):
    """One day, of UTC or by a zone's clock: then it may have 23 or 25 hours."""

    parameter: str
    clock: Clock = UTC_CLOCK

    @property
    def needs(self) -> dict[str, str]:
        """The parameters it is made of, with their types."""
        return {self.parameter: "date"} | self.clock.needs

    def limits(self, values: Mapping[str, Value], moment: datetime) -> tuple[datetime, datetime]:
        """[start, end), aware UTC. Raises ConfigError."""
        day = values[self.parameter]
        assert isinstance(day, date)
        if day == date.max:
            raise ConfigError(f"--{self.parameter}", day.isoformat(), "has no day after it; ask for an earlier one")
        return self.clock.start_of(day, values), self.clock.start_of(day + timedelta(days=1), values)


class Between(NamedTuple):
    """From one time to another."""

    first: str
    last: str

    @property
    def needs(self) -> dict[str, str]:
        """The parameters it is made of, with their types."""
        return {self.first: "time", self.last: "time"}

    def limits(self, values: Mapping[str, Value], moment: datetime) -> tuple[datetime, datetime]:
        """[start, end), aware UTC. Raises ConfigError."""
        start, end = values[self.first], values[self.last]
        assert isinstance(start, datetime)
        assert isinstance(end, datetime)
        if end <= start:
            raise ConfigError(f"--{self.last}", end.isoformat(), f"must be after --{self.first}, {start.isoformat()}")
        return start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)


Span = Last | Day | Between


def _clock(written: str | None) -> Clock:
    """What stands behind `in`: a parameter or a zone. Raises ValueError for a zone that is none."""
    if written is None:
        return UTC_CLOCK
    if written.startswith("$"):
        return Clock(parameter=written[1:])
    from dataflow.zones import zone_of

    try:
        return Clock(zone_of(written).name)
    except ValueError as error:
        raise ValueError(f"names {written}, which is {error}") from None


def parse_span(written: str) -> Span:
    """The range that a header's line declares. Raises ValueError with the forms there are."""
    form = " ".join(written.split())
    if (match := _LAST.fullmatch(form)) and (match[4] is None or match[3] == "days"):
        return Last(match[1], int(match[2] or 0), match[3], _clock(match[4]))
    if match := _DAY.fullmatch(form):
        return Day(match[1], _clock(match[2]))
    if match := _BETWEEN.fullmatch(form):
        return Between(match[1], match[2])
    raise ValueError(f"is no range; write {FORMS}")
