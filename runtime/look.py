"""A run at one moment, for people and programs that watch it: counts, and how far behind it is."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """A run at one moment. What is not known yet is None.

    `rate` is events per second since the look before; `delay_ms` is how far the least watermark is behind the clock;
    `lag` is how many offsets wait to be read; `committed_ms` is how long ago the last commit was;
    `left_s` is how long a bounded run still takes at this rate; `lost` is how many offsets were gone before they were
    read, None where none was.
    """

    seconds: float
    rate: float
    read: int
    late: int
    duplicate: int
    dead: int
    delay_ms: int | None = None
    lag: int | None = None
    committed_ms: int | None = None
    left_s: int | None = None
    lost: int | None = None

    def line(self, columns: int) -> str:
        """One line for people, with short words where whole ones do not fit into so many columns."""
        delay = "none" if self.delay_ms is None else f"{max(self.delay_ms, 0) / 1000:.1f} s"
        commit = "none" if self.committed_ms is None else f"{max(self.committed_ms, 0):,} ms ago"
        lag = [] if self.lag is None else [f"lag {self.lag:,}"]
        lag += [] if self.left_s is None else [f"left {self.left_s // 60}:{self.left_s % 60:02d}"]
        counts = [f"late {self.late:,}", f"dead {self.dead:,}"]
        start = f"{self.seconds:4.0f} s"
        parts = [
            f"{start}  {self.rate:8,.0f} events/s",
            f"read {self.read:,}",
            f"watermark delay {delay}",
            *lag,
            *counts,
        ]
        whole = "  ".join([*parts, f"duplicate {self.duplicate:,}", f"last commit {commit}"])
        if len(whole) <= columns:
            return whole
        parts = [f"{start} {self.rate:,.0f}/s", f"read {self.read:,}", *lag, f"delay {delay}", *counts]
        return "  ".join([*parts, f"dup {self.duplicate:,}", f"commit {commit}"])[:columns]

    def fields(self) -> dict[str, int | float]:
        """The same for programs: what is not known is left out."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return known | {"seconds": round(self.seconds, 1), "rate": round(self.rate)}
