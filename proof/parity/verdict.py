"""The outcome of a parity run: what was read, which sides were asked, and every pair of them table by table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from proof.parity.compare import Comparison
from proof.parity.records import Pins


@dataclass(frozen=True, slots=True)
class Verdict:
    """`seconds`: how long each side took. `comparisons`: every pair. `told`: more about sides, a line each."""

    pins: Pins
    records: int
    seconds: Mapping[str, float]
    comparisons: tuple[Comparison, ...]
    told: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether every pair is, in every table; of no record at all nothing is shown, so that is none."""
        return self.records > 0 and all(each.is_equal for each in self.comparisons)

    def as_json(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "topic": self.pins.topic,
            "offsets": {str(number): list(part) for number, part in sorted(self.pins.ranges.items())},
            "records": self.records,
            "seconds": {side: round(seconds, 1) for side, seconds in self.seconds.items()},
            "told": list(self.told),
            "equal": self.is_equal,
            "tables": [each.as_json() for each in self.comparisons],
        }

    def lines(self) -> Iterator[str]:
        """In words."""
        parts = ", ".join(f"{number} [{start}, {end})" for number, (start, end) in sorted(self.pins.ranges.items()))
        yield f"{self.pins.topic}: {self.records:,} records at offsets {parts}"
        for side, seconds in self.seconds.items():
            yield f"{side}: {seconds:.1f} s"
        yield from self.told
        for each in self.comparisons:
            yield each.told()
        if not self.records:
            yield f"NOTHING COMPARED: {self.pins.topic} has no record; fill it, or leave out --topic for made-up ones"
        else:
            yield "equal: all sides hold the same tables" if self.is_equal else "NOT EQUAL"
