"""How patient a pipeline should be: told by the disorder, the repeats and the clocks that the sample shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dataflow.durations import to_ms
from dataflow.spoken import span

NICE = (
    "1s",
    "2s",
    "5s",
    "10s",
    "30s",
    "1m",
    "2m",
    "5m",
    "10m",
    "15m",
    "30m",
    "1h",
    "2h",
    "6h",
    "12h",
    "1d",
    "2d",
    "7d",
)
"""What a person would write."""
FEW = 100
"""Fewer events say little of how much disorder is normal."""
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
_LEAST_DISORDER, _LEAST_LATENESS, _LEAST_FUTURE = "5s", "1m", "5m"
_MOST_DISORDER, _MOST_LATENESS = "1h", "7d"


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Durations as a pipeline file has them, and what was seen that led to each; `max_future` None: off."""

    out_of_orderness: str
    allowed_lateness: str
    disorder_seen: str
    max_future: str | None
    future_seen: str


def tolerances(stretches: Sequence[Sequence[tuple[int, int | None]]]) -> Tolerances:
    """From (event time, record timestamp or None), both ms, of each stretch's events in their order."""
    events = [event for stretch in stretches for event in stretch]
    ahead = sorted(time - stamp for time, stamp in events if stamp is not None)
    max_future, future_seen = _future(ahead)
    latest_ms = _latest_ms(sorted(time for time, _ in events))
    most_ahead_ms = None if max_future is None else to_ms(max_future)
    behind: list[int] = []
    for stretch in stretches:
        behind += _behind(
            time
            for time, stamp in stretch
            # one clock that is years ahead would make all that comes after it late
            if time <= latest_ms and (stamp is None or most_ahead_ms is None or time - stamp <= most_ahead_ms)
        )
    behind.sort()
    usual_ms, furthest_ms = (_at(behind, 0.99), behind[-1]) if behind else (0, 0)
    disorder = nice(usual_ms, _LEAST_DISORDER, _MOST_DISORDER)
    lateness = nice(furthest_ms - to_ms(disorder), _LEAST_LATENESS, _MOST_LATENESS)
    return Tolerances(disorder, lateness, _in_words(behind, usual_ms, furthest_ms), max_future, future_seen)


def _in_words(behind: Sequence[int], usual_ms: int, furthest_ms: int) -> str:
    if furthest_ms == 0:
        seen = "in the sample every event came in the order of its time"
    elif usual_ms == 0:
        seen = f"99 % of the events came in order, the furthest {span(furthest_ms)} behind the newest before it"
    else:
        seen = (
            f"99 % of the events came at most {span(usual_ms)} behind the newest before them, "
            f"the furthest {span(furthest_ms)}"
        )
    return f"{seen} (of only {len(behind)}: a guess)" if len(behind) < FEW else seen


def _at(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _latest_ms(times: Sequence[int]) -> int:
    """The last time, in order, that is no outlier."""
    if len(times) < FEW:
        return times[-1] if times else 0
    usual_ms = _at(times, 0.99)
    return usual_ms + max(DAY_MS, usual_ms - _at(times, 0.01))


def nice(ms: int, least: str, most: str) -> str:
    """The shortest of NICE that is at least `ms`, from `least` to `most`."""
    fitting = [each for each in NICE if to_ms(least) <= to_ms(each) <= to_ms(most)]
    return next((each for each in fitting if to_ms(each) >= ms), most)


def _behind(times: Iterable[int]) -> Iterable[int]:
    """How far each event is behind the newest one before it, 0 for one in order."""
    newest: int | None = None
    for time in times:
        yield 0 if newest is None else max(0, newest - time)
        newest = time if newest is None else max(newest, time)


def _future(ahead: Sequence[int]) -> tuple[str | None, str]:
    if not ahead:
        return None, "the records have no timestamps of their own, which max_future would count from: it is off"
    usual_ms, furthest_ms = _at(ahead, 0.99), ahead[-1]
    if furthest_ms <= 0:
        return _LEAST_FUTURE, "no sampled event was ahead of its record's timestamp"
    if usual_ms > HOUR_MS:
        return None, f"events were up to {span(furthest_ms)} ahead of their records' timestamps, so none is refused"
    # twice what was seen, so that a clock which is a little further ahead costs nothing
    chosen = nice(2 * (furthest_ms if furthest_ms <= HOUR_MS else usual_ms), _LEAST_FUTURE, "2h")
    refused = sum(each > to_ms(chosen) for each in ahead)
    told = f"events were up to {span(furthest_ms)} ahead of their records' timestamps"
    return chosen, f"{told}: {refused:,} of {len(ahead):,} would be dead letters" if refused else told
