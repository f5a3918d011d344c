"""How the pipeline stands: records, rates, freshness, and where each source partition is."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from dataflow.durations import to_text
from dataflow.pipeline.names import EVENTS, LATE_EVENTS
from dataflow.spoken import span
from query.moment import EPOCH, to_ms
from serve.ask.lines_question import shown_ms
from serve.ask.parameters import Pairs, Parameter, read
from serve.ask.question import AS_OF, Asking, Document, Found
from serve.lake import LakeAt, Place, ServedLake
from serve.totals import Totals
from sinks.lake.tables.finality import EVER_MS, Stand, deciding, reached_ms

RATE_S = 10
"""Rates are of the last so many seconds before the newest commit."""

_LOOKED_AT = 4
"""So many of the newest files of `events` are asked for the age of their records."""


class StatusQuestion:
    """The figures that stand at the top of a page."""

    parameters: ClassVar[Sequence[Parameter]] = (AS_OF,)
    is_table = False
    is_slow = False

    def __init__(self, pairs: Pairs) -> None:
        self.values = read(pairs, self.parameters)

    @property
    def as_of(self) -> str | int | None:
        """What was asked for."""
        as_of: str | None = self.values["as_of"]
        return as_of

    def facts(self, at: LakeAt) -> object:
        """The clock: ages are told to the second."""
        return to_ms(at.now) // 1000

    def answer(self, lake: ServedLake, at: LakeAt, asking: Asking) -> Found | Document:
        """One object."""
        totals = lake.totals.at(at.snapshot)
        counted = totals.partitions.values()
        now_ms = to_ms(at.now)
        newest = max((place.newest_ms for place in at.places if place.newest_ms is not None), default=None)
        frontier = at.frontier_ms()
        lag, why = _lag(at, asking)
        read_, accepted = _rates(totals, now_ms)
        content = {
            "pipeline": at.definition.name,
            "records": sum(each.read for each in counted),
            "accepted": sum(each.accepted for each in counted),
            "duplicate": sum(each.duplicate for each in counted),
            "late": sum(each.late for each in counted),
            "late_events": _rows(at, LATE_EVENTS),
            "dead": sum(each.dead for each in counted),
            "lost_offsets": sum(each.lost for each in counted),
            "events_per_s": accepted,
            "records_per_s": read_,
            "rate_window_s": RATE_S,
            "newest_event_at": shown_ms(newest),
            "freshness_ms": None if newest is None else max(0, now_ms - newest),
            "watermark": shown_ms(frontier) if abs(frontier) < EVER_MS else None,
            "watermark_why": _watermark_why(at, frontier),
            "lag_ms": lag,
            "lag_why": why,
            "last_commit_at": None if totals.last_commit_us is None else shown_ms(totals.last_commit_us // 1000),
            "last_commit_age_ms": None
            if totals.last_commit_us is None
            else max(0, now_ms - totals.last_commit_us // 1000),
            "partitions": _partitions(at, totals, now_ms),
        }
        return Document(content)


def _rows(at: LakeAt, table: str) -> int:
    return sum(file.record_count for file in at.snapshot.files(table)) if table in at.snapshot.tables else 0


def _rates(totals: Totals, now_ms: int) -> tuple[float, float]:
    """Records read and events accepted per second, of the seconds before now; 0 when nothing was committed since."""
    since_us = (now_ms - RATE_S * 1000) * 1000
    lines = [line for line in totals.recent if line[0] > since_us]
    if not lines:
        return 0.0, 0.0
    return tuple(round(sum(line[at] for line in lines) / RATE_S, 1) for at in (1, 2))  # type: ignore[return-value]  # two


def _lag(at: LakeAt, asking: Asking) -> tuple[int | None, str]:
    """How old the newest event was when it was committed, by its record's timestamp; None with the reason."""
    snapshot = at.snapshot
    if EVENTS not in snapshot.tables:
        return None, "the lake keeps no events (setting `events`), and only they tell when a record was written"
    files = sorted(snapshot.files(EVENTS), key=lambda file: file.row_id_start)[-_LOOKED_AT:]
    if not files:
        return None, "no event has been committed yet"
    row = snapshot.with_files({EVENTS: files}).query(
        f"SELECT max(record_timestamp) AS newest FROM {EVENTS}", timeout_s=asking.timeout_s
    )
    newest = row.column(0)[0].as_py()
    if newest is None:
        return None, "the records of this source carry no time at which they were written"
    committed = max(file.begin_snapshot for file in files)
    age_ms = to_ms(snapshot.time) - newest if committed == snapshot.id else None
    if age_ms is None:
        return None, "the newest commit brought no event"
    if age_ms < 0:
        return None, "the newest record carries a time after its commit: a producer's clock is ahead"
    return age_ms, "time from the newest record's timestamp to the commit that brought it"


def _watermark_why(at: LakeAt, frontier: int) -> str:
    if not at.places:
        return "no source partition has been read yet"
    if frontier >= EVER_MS:
        return "every source partition was read to its end by a run with --final: all windows are final"
    if frontier <= -EVER_MS:
        return "a source partition without a valid event yet holds every window open"
    return "windows whose end and allowed lateness it has passed are final"


def _partitions(at: LakeAt, totals: Totals, now_ms: int) -> list[dict[str, Any]]:
    active = at.active()
    stands = [Stand(each.watermark_ms, on, each.final) for each, on in zip(at.places, active, strict=True)]
    held = deciding(stands)
    smallest = min(map(reached_ms, held), default=EVER_MS)
    holders = {id(stand) for stand in held if reached_ms(stand) == smallest}
    furthest = max((each.watermark_ms for each in at.places if each.watermark_ms is not None), default=None)
    found = []
    for place, stand in zip(at.places, stands, strict=True):
        counted = totals.partitions.get(place.name)
        decides = id(stand) in holders
        since_ms = place.since_us // 1000
        behind = None if furthest is None or place.watermark_ms is None else furthest - place.watermark_ms
        found.append(
            {
                "partition": place.name,
                "topic": None if counted is None else counted.topic,
                "next_offset": place.end_offset,
                "newest_event_at": shown_ms(place.newest_ms),
                "watermark": shown_ms(place.watermark_ms),
                "watermark_behind_ms": behind,
                "last_records_at": shown_ms(since_ms),
                "active": stand.active,
                "final": place.final,
                "decides": decides,
                "why": _why(at, place, stand, decides, behind),
                "read": 0 if counted is None else counted.read,
                "late": 0 if counted is None else counted.late,
                "dead": 0 if counted is None else counted.dead,
                "lost_offsets": 0 if counted is None else counted.lost,
            }
        )
    return found


def _why(at: LakeAt, place: Place, stand: Stand, decides: bool, behind: int | None) -> str:
    """Why windows are held open by it, or not."""
    idle = to_text(at.definition.idle_timeout_ms)
    if place.final:
        return "read to its end by a run with --final: holds nothing"
    if place.watermark_ms is None:
        return "has had no valid event yet" + (", which holds every window open" if decides else "")
    if not stand.active:
        since = EPOCH + timedelta(microseconds=place.since_us)
        told = f"idle since {since:%Y-%m-%d %H:%M:%S} UTC, left out after {idle}"
        return f"{told}; it reaches furthest and no other is active, so it decides" if decides else told
    if decides:
        told = "its watermark is the smallest of the active ones: windows wait for it"
        return f"{told}, {span(behind)} behind the furthest" if behind else told
    return "ahead of the one that decides"
