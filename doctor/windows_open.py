"""Why windows are not final yet, in words: for each rollup its oldest one, and what holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dataflow.durations import to_text
from dataflow.spoken import counted, moment, span
from dataflow.sql import quoted, text
from doctor.finding import Finding, ok, warning
from doctor.future_events import FutureEvent
from doctor.partition_states import PartitionState
from query.moment import to_ms
from query.reader import LakeSnapshot
from sinks.lake.tables.definition import Definition, RollupDefinition
from sinks.lake.tables.finality import EVER_MS, deciding, frontier_ms, needed_ms, needed_sql, reached_ms
from sinks.lake.tables.views import shown_after_ms

BEHIND_MS = 60_000
"""A partition whose watermark is so much behind the furthest one holds the others' windows up."""


@dataclass(frozen=True, slots=True)
class OpenWindows:
    """The windows of a rollup that are not final: how many, and the oldest, [start, end) in ms."""

    count: int
    start_ms: int
    end_ms: int


def open_windows(snapshot: LakeSnapshot, rollup: RollupDefinition, frontier: int) -> OpenWindows | None:
    """The windows that `frontier` (ms) has not made final; None if it has all."""
    view = snapshot.resolved.views.get(rollup.name)
    border = None if view is None else shown_after_ms(view.sql)
    if rollup.merges_windows:
        source = f"SELECT window_start, window_end FROM {quoted(rollup.name)}"
    else:
        source = (
            f"SELECT window_start, window_end FROM {quoted(rollup.name + '_delta')}"
            " GROUP BY ALL HAVING sum(row_count) > 0"
        )
    row = snapshot.query(
        "SELECT count(*) AS n, min(epoch_ms(window_end)) AS high, arg_min(epoch_ms(window_start), window_end) AS low"
        f" FROM ({source}) AS windows"
        f" WHERE {needed_sql('window_end', rollup.allowed_lateness_ms)} > {frontier}::HUGEINT"
        # of what has left, rows may still lie in files that stay
        + ("" if border is None else f" AND window_end > epoch_ms({border})")
    ).to_pylist()[0]
    return OpenWindows(row["n"], row["low"], row["high"]) if row["n"] else None


def watermark_finding(states: Sequence[PartitionState], now: datetime) -> Finding:
    """Where the watermarks stand against the clock."""
    details = {"partitions": [_state_json(state, now) for state in states]}
    if not states:
        return ok("watermark", "no source partition has been read yet", **details)
    open_ones = deciding(states)
    if not open_ones:
        return ok(
            "watermark",
            f"all {counted(len(states), 'partition')} have been read to their end by a run with --final; all is final",
            **details,
        )
    slowest = min(open_ones, key=reached_ms)
    if slowest.watermark_ms is None:
        told = f"partition {slowest.name} has none yet, which holds every window open"
    else:
        age_ms = to_ms(now) - slowest.watermark_ms
        side = "behind" if age_ms >= 0 else "ahead of"
        told = (
            f"{moment(slowest.watermark_ms)} in partition {slowest.name} decides, {span(abs(age_ms))} {side} the clock"
        )
    return ok("watermark", told, **details)


def future_finding(event: FutureEvent, facts: Definition) -> Finding:
    """An event from the future has moved a watermark."""
    watermark = event.event_time_ms - facts.out_of_orderness_ms
    return warning(
        f"future_event.{event.partition}",
        f"an event from the future at {event.place} ({moment(event.event_time_ms)}, {span(event.ahead_ms)} ahead of "
        f"the clock when it was read) moved its watermark to {moment(watermark)}: later events of that partition are "
        "late until then",
        "set max_future in the pipeline, which turns such events into dead letters, and bound the event time in the "
        "model; to count the late events, fill a new lake with it from the same topic",
        partition=event.partition,
        offset=event.offset,
        start_offset=event.start,
        end_offset=event.end,
        event_time_ms=event.event_time_ms,
        ahead_ms=event.ahead_ms,
    )


def window_finding(
    snapshot: LakeSnapshot,
    facts: Definition,
    rollup: RollupDefinition,
    states: Sequence[PartitionState],
    future: Mapping[str, FutureEvent],
) -> Finding:
    """The rollup's oldest window that is not final, and what holds it."""
    check = f"windows.{rollup.name}"
    frontier = frontier_ms(states)
    found = open_windows(snapshot, rollup, frontier)
    if found is None:
        return ok(check, "every window is final", open=0)
    needed = needed_ms(found.end_ms, rollup.allowed_lateness_ms)
    closed = frontier >= needed_ms(found.end_ms)
    state = "closed, open for corrections" if closed else "open"
    holders = [each for each in deciding(states) if reached_ms(each) < needed]
    reasons = [_reason(each, states, future, needed, facts) for each in holders]
    said = [text for text, _ in reasons]
    if not any(each.active and not each.final for each in states):
        last = max((each.since for each in states), default=None)
        quiet = f"no partition has had records for {to_text(facts.idle_timeout_ms)}"
        said.insert(0, f"{quiet} (the last at {moment(last)}), so the furthest decides" if last else quiet)
        said.insert(1, "if nothing more ever comes, the same `tidemill run` with --bounded --final says so")
    else:
        said += [
            f"idle partition {each.name} since {moment(each.since)} (left out after {to_text(facts.idle_timeout_ms)})"
            for each in states
            if not each.active and not each.final
        ]
    said += [
        f"an event from the future at {event.place} moved its watermark to "
        f"{moment(event.event_time_ms - facts.out_of_orderness_ms)}"
        for event in future.values()
    ]
    message = (
        f"{counted(found.count, 'window')} not final, the oldest {moment(found.start_ms)} to {moment(found.end_ms)} "
        f"({state}): {'; '.join(said[:8])}"
    )
    details = {
        "open": found.count,
        "oldest": {"start_ms": found.start_ms, "end_ms": found.end_ms, "closed": closed},
        "held_by": [each.name for each in holders],
        "reasons": said,
        "frontier_ms": frontier if abs(frontier) < EVER_MS else None,
    }
    fixes = list(dict.fromkeys(fix for _, fix in reasons if fix is not None))
    return warning(check, message, "; ".join(fixes), **details) if fixes else ok(check, message, **details)


def _reason(
    holder: PartitionState,
    states: Sequence[PartitionState],
    future: Mapping[str, FutureEvent],
    needed_ms: int,
    facts: Definition,
) -> tuple[str, str | None]:
    """Why `holder` holds a window, and the fix if that is no usual thing."""
    others = [each for each in states if each.name != holder.name and each.name not in future]
    furthest = max((reached_ms(each) for each in others), default=-EVER_MS)
    if holder.watermark_ms is None:
        what = f"partition {holder.name} has had no valid event yet"
        if not holder.read:
            return f"{what}, and no record at all since {moment(holder.since)}", None
        what += f" ({counted(holder.read, 'record')} read, {holder.dead:,} of them dead letters)"
        sql = f"SELECT reason, field, count(*) FROM dead_letters WHERE partition = {text(holder.name)} GROUP BY ALL"
        return what, f'see why: tidemill query "{sql}"'
    behind = furthest - holder.watermark_ms
    if behind >= BEHIND_MS:
        return (
            f"partition {holder.name} is {span(behind)} behind the others (its watermark is "
            f"{moment(holder.watermark_ms)})",
            f"look at that partition's lag and at its producers: its windows close when it catches up, or when it has "
            f"no records for {to_text(facts.idle_timeout_ms)}",
        )
    event_ms = needed_ms + facts.out_of_orderness_ms
    return (
        f"partition {holder.name} stands at {moment(holder.watermark_ms)} and makes it final with an event of "
        f"{moment(event_ms)} or later",
        None,
    )


def _state_json(state: PartitionState, now: datetime) -> dict[str, object]:
    return {
        "partition": state.name,
        "next_offset": state.next_offset,
        "max_event_time_ms": state.newest_ms,
        "watermark_ms": state.watermark_ms,
        "watermark_age_ms": None if state.watermark_ms is None else to_ms(now) - state.watermark_ms,
        "last_records_at": state.since.isoformat(),
        "active": state.active,
        "final": state.final,
        "read": state.read,
        "dead": state.dead,
    }
