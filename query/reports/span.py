"""The range of time that a report covers, made from its parameters: `-- range: last $minutes minutes`."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from dataflow.errors import ConfigError
from query.moment import EPOCH, start_of
from query.reports.values import Value

UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
FORMS = "`last $n minutes` (hours, days), `day $day` or `from $since to $until`"

_LAST = re.compile(r"last (?:\$(\w+)|([1-9]\d{0,5})) (minutes|hours|days)")
_DAY = re.compile(r"day \$(\w+)")
_BETWEEN = re.compile(r"from \$(\w+) to \$(\w+)")


class Last(NamedTuple):
    """The last so many whole units, the running one included: as many as the parameter says, or `units`."""

    parameter: str | None
    units: int
    unit: str

    @property
    def needs(self) -> dict[str, str]:
        """The parameters it is made of, with their types."""
        return {} if self.parameter is None else {self.parameter: "integer"}

    def limits(self, values: Mapping[str, Value], moment: datetime) -> tuple[datetime, datetime]:
        """[start, end), aware UTC, asked at `moment`. Raises ConfigError."""
        unit = UNITS[self.unit]
        end = EPOCH + (moment - EPOCH) // unit * unit + unit
        if self.parameter is None:
            return end - self.units * unit, end
        count = values[self.parameter]
        assert isinstance(count, int)
        if count < 1:
            raise ConfigError(f"--{self.parameter}", count, "must be 1 or more")
        try:
            return end - count * unit, end
        except OverflowError:
            raise ConfigError(f"--{self.parameter}", count, "reaches back beyond the year 1; ask for less") from None


class Day(NamedTuple):
    """One UTC day."""

    parameter: str

    @property
    def needs(self) -> dict[str, str]:
        """The parameter it is made of, with its type."""
        return {self.parameter: "date"}

    def limits(self, values: Mapping[str, Value], moment: datetime) -> tuple[datetime, datetime]:
        """[start, end), aware UTC. Raises ConfigError."""
        day = values[self.parameter]
        assert isinstance(day, date)
        if day == date.max:
            raise ConfigError(f"--{self.parameter}", day.isoformat(), "has no day after it; ask for an earlier one")
        return start_of(day), start_of(day + timedelta(days=1))


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


def parse_span(written: str) -> Span:
    """The range that a header's line declares. Raises ValueError with the forms there are."""
    form = " ".join(written.split())
    if match := _LAST.fullmatch(form):
        return Last(match[1], int(match[2] or 0), match[3])
    if match := _DAY.fullmatch(form):
        return Day(match[1])
    if match := _BETWEEN.fullmatch(form):
        return Between(match[1], match[2])
    raise ValueError(f"is no range; write {FORMS}")
