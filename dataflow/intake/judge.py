"""The judge of one source partition: future guard, watermark before each row, duplicates, dead letters."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.columnar.hashing import identity
from dataflow.columnar.numbers import from_arrow
from dataflow.columnar.types import Bools, Int64s
from dataflow.enrich.columns import Columns
from dataflow.enrich.joins import Joins
from dataflow.errors import ConfigError
from dataflow.intake.remembered import DedupMemory
from dataflow.intake.remembered_log import DedupLog, LogState
from dataflow.messages import DEAD_SCHEMA, NEVER_MS, Decoded, Judged, Poll, Refusal
from dataflow.own_columns import WATERMARK
from dataflow.pipeline.plan import Plan
from dataflow.rules import Mark, Rules

_Number = TypeVar("_Number", bound=np.generic)


class State(TypedDict):
    """What a judge goes on from, as the recovery store has it.

    `watermark` is the one after the last row, and `within_ms` for how long ids were remembered up to there: an earlier
    version, under which no rule could change, did not keep them.
    """

    max_event_time: int | None
    ids: LogState
    watermark: NotRequired[int]
    within_ms: NotRequired[int]


class Held(NamedTuple):
    """What held before a plan's own rules.

    `marks`, in offset order: rules that held before, and the plan's own. `former`: those of a state that does not tell
    them; those of the plan where left out. `joins`: with what marks say that rows were joined; the plan's own
    dimensions where left out.
    """

    marks: Sequence[Mark] = ()
    former: Rules | None = None
    joins: Joins | None = None


NOTHING_ELSE = Held()

_INT64_MAX = 2**63 - 1


def watermarks_before(event_time: Int64s, carry_max: int | None, bound_ms: int) -> tuple[Int64s, int | None]:
    """The watermark before each row (semantics rule 4), and the largest event time after the last one.

    `carry_max`: the largest event time before the first row, None if there was none. Watermark = largest earlier
    event time - bound; NEVER_MS before the first row, and where the difference leaves int64.
    """
    if len(event_time) == 0:
        return np.empty(0, np.int64), carry_max
    largest = np.maximum.accumulate(event_time)
    before = np.empty(len(event_time), np.int64)
    before[0] = NEVER_MS if carry_max is None else carry_max
    before[1:] = largest[:-1]
    if carry_max is not None:
        np.maximum(before, carry_max, out=before)
    bound_ms = min(bound_ms, _INT64_MAX)
    np.maximum(before, NEVER_MS + bound_ms, out=before)
    before -= bound_ms
    newest = int(largest[-1])
    return before, newest if carry_max is None else max(newest, carry_max)


def is_future(event_time: Int64s, timestamp: pa.Array, max_future_ms: int) -> Bools:
    """Where event_time > record timestamp + max_future (semantics rule 3); never where the timestamp is null."""
    numbers = from_arrow(timestamp)
    max_future_ms = min(max_future_ms, _INT64_MAX)
    limit = np.minimum(numbers.values, _INT64_MAX - max_future_ms) + max_future_ms
    future = event_time > limit
    return np.asarray(future if numbers.valid is None else future & numbers.valid)


class Judge:
    """All that depends on the order of one source partition's records, with its state.

    The same records in the same order give the same verdicts, however they are cut into polls and wherever the
    state was saved and opened again. Other rules take hold with the first records that are judged by them (semantics
    rule 13): until then the state is as the former ones left it.
    """

    def __init__(
        self,
        plan: Plan,
        partition: str,
        topic: str | None,
        *,
        folder: Path | None = None,
        state: State | None = None,
        held: Held = NOTHING_ELSE,
    ) -> None:
        """`state` is what `snapshot` returned, None for a new source partition.

        `folder` is the place of this source partition's remembered event ids; needed where the pipeline removes
        duplicates. Raises RecoveryError if it does not hold what `state` says. `held`: by which rules other than those
        of `plan` records are judged.
        """
        self.partition = partition
        self.topic = topic
        self.max_event_time: int | None = None if state is None else state["max_event_time"]
        self._plan = plan
        self._marks = held.marks
        self._rules: Rules | None = None
        # below it the watermark does not fall, whatever the rules
        self._floor, self._within_ms = _standing(state, held.former or plan.rules)
        self._time = plan.event.event_time.name
        self._joins = held.joins or Joins(plan)
        self._memory: DedupMemory | None = None
        self._log: DedupLog | None = None
        if plan.dedup_column is not None:
            if folder is None:
                raise ConfigError("deduplicate_by", plan.dedup_column, "needs a recovery folder to remember ids in")
            self._memory = DedupMemory(self._within_ms)
            self._log = DedupLog.open(folder, [] if state is None else state["ids"], self._within_ms)
            for lane1, lane2, event_time in self._log.read():
                self._memory.remember(lane1, lane2, event_time)
            self._memory.forget(self.watermark)

    @property
    def watermark(self) -> int:
        """After the last row; NEVER_MS before the first."""
        if self.max_event_time is None or self._rules is None:
            return self._floor
        return max(self.max_event_time - self._rules.out_of_orderness_ms, self._floor)

    def pieces(self, poll: Poll) -> list[Poll]:
        """A poll cut behind what is lost of it and where the rules change: each piece is judged by itself."""
        found: list[Poll] = []
        rest: Poll | None = poll
        if poll.lost:
            piece, rest = poll.split(poll.start + poll.lost)
            found.append(piece)
        for start, _ in self._marks:
            if rest is not None and rest.start < start < rest.end:
                piece, rest = rest.split(start)
                found.append(piece)
        return found if rest is None else [*found, rest]

    def judge(self, poll: Poll, decoded: Decoded) -> Judged:
        """Judge the records of one poll, which continues where the last one ended and lies within one of `pieces`."""
        if poll.end > poll.start:
            self._go_by(self._rules_at(poll.start))
        valid, refused_at, refusals = self._refuse(poll, decoded)
        judged = Judged(self.partition, self.topic, poll.start, poll.end, read=poll.records.num_rows, lost=poll.lost)
        if refusals:
            judged.dead = self._dead_letters(poll, refused_at, refusals)
        count = decoded.events.num_rows if valid is None else int(valid.sum())
        if count:
            judged.rows = self._judge_rows(poll, decoded, valid)
            judged.duplicate = count - judged.rows.num_rows
        judged.rules = self._rules
        self._tell_standing(judged)
        return judged

    def nothing(self, offset: int, *, finished: bool = False, final: bool = False) -> Judged:
        """A range without records at `offset`: it says where the source partition stands."""
        judged = Judged(self.partition, self.topic, offset, offset, finished=finished, final=final)
        self._tell_standing(judged)
        return judged

    def _tell_standing(self, judged: Judged) -> None:
        judged.max_event_time = self.max_event_time
        judged.watermark = None if self.watermark == NEVER_MS else self.watermark

    def _rules_at(self, offset: int) -> Rules:
        """The rules by which the record at `offset` is judged."""
        at = bisect_right(self._marks, offset, key=lambda mark: mark[0])
        return self._marks[at - 1][1] if at else self._plan.rules

    def _go_by(self, rules: Rules) -> None:
        """Judge by `rules` from here on. What was forgotten by the former ones stays forgotten."""
        if rules == self._rules:
            return
        self._floor = self.watermark
        if self._memory is not None and self._log is not None:
            within_ms = rules.deduplicate_within_ms
            if within_ms < self._within_ms:
                self._memory.shorten(within_ms)
                self._log.shorten(within_ms)
            elif within_ms > self._within_ms:
                alive = self._memory.remembered(self._floor)
                self._memory = DedupMemory(within_ms)
                self._memory.remember(*alive)
                self._log.rewrite(within_ms, *alive)
        self._within_ms, self._rules = rules.deduplicate_within_ms, rules

    def remember(self, ids: pa.Array, event_time: Int64s) -> None:
        """Take over ids that were first seen before this state began, in offset order (a memory built from a lake)."""
        if self._memory is None or self._log is None or len(ids) == 0:
            return
        lane1, lane2 = identity(ids)
        if ids.null_count:
            there = np.asarray(ids.is_valid())
            lane1, lane2, event_time = lane1[there], lane2[there], event_time[there]
        self._memory.remember(lane1, lane2, event_time)
        self._log.append(lane1, lane2, event_time)

    def snapshot(self) -> State:
        """The state after the last poll, small and picklable; remembered ids are on disk when it returns."""
        ids = [] if self._log is None else self._log.snapshot(self.watermark)
        return {
            "max_event_time": self.max_event_time,
            "ids": ids,
            "watermark": self.watermark,
            "within_ms": self._within_ms,
        }

    def close(self) -> None:
        """Let go of the files."""
        if self._log is not None:
            self._log.close()

    def _judge_rows(self, poll: Poll, decoded: Decoded, valid: Bools | None) -> pa.RecordBatch:
        """The events that are `valid` (None = all; there is at least one) and no duplicates, picked all at once."""
        events, at = decoded.events, decoded.events_at
        event_time = _picked(valid, events.column(self._time).to_numpy())
        assert self._rules is not None, "a poll with events has offsets, so it is judged by rules"
        watermark, self.max_event_time = watermarks_before(
            event_time, self.max_event_time, self._rules.out_of_orderness_ms
        )
        if watermark[0] < self._floor:
            np.maximum(watermark, self._floor, out=watermark)
        first = self._first(events, valid, event_time, watermark)
        kept = _both(valid, first)
        if kept is not None:
            events, at, watermark = events.filter(pa.array(kept)), at[kept], _picked(first, watermark)
        offset, timestamp = poll.records.column("offset"), poll.records.column("timestamp")
        if len(at) < poll.records.num_rows:
            offset, timestamp = offset.take(pa.array(at)), timestamp.take(pa.array(at))
        names = [*events.schema.names, "offset", "record_timestamp", WATERMARK]
        return pa.RecordBatch.from_arrays([*events.columns, offset, timestamp, pa.array(watermark)], names=names)

    def _first(
        self, events: pa.RecordBatch, valid: Bools | None, event_time: Int64s, watermark: Int64s
    ) -> Bools | None:
        """Which of the valid rows are no duplicates; None = all. A null id is nobody's duplicate and not remembered.

        `event_time` and `watermark` are of the valid rows alone.
        """
        column = self._plan.dedup_column
        if self._memory is None or self._log is None or column is None:
            return None
        ids = events.column(column)
        lane1, lane2 = (_picked(valid, lane) for lane in identity(ids))
        there = _picked(valid, np.asarray(ids.is_valid())) if ids.null_count else None
        if there is not None:
            lane1, lane2 = lane1[there], lane2[there]
            event_time, watermark = event_time[there], watermark[there]
        first = self._memory.judge(lane1, lane2, event_time, watermark)
        is_every = bool(first.all())
        new = None if is_every else first
        self._log.append(_picked(new, lane1), _picked(new, lane2), _picked(new, event_time))
        if there is None or is_every:
            return new
        every_row = np.ones(len(there), np.bool_)
        every_row[there] = first
        return every_row

    def _refuse(self, poll: Poll, decoded: Decoded) -> tuple[Bools | None, Int64s, list[Refusal]]:
        """Which events stay events, None = all; then positions, ascending, and reasons of all dead letters."""
        events, at = decoded.events, decoded.events_at
        valid: Bools | None = None
        refused_at, refusals = [decoded.dead_at], list(decoded.refusals)
        for lookup in self._joins.refusing(self._rules) if events.num_rows else ():
            unknown = _both(valid, Columns(events, [lookup]).unknown(lookup))
            assert unknown is not None, "only masks that are None are None together"
            if unknown.any():
                message = f"{lookup.key} has no row in dimension {lookup.name}"
                refused_at.append(at[unknown])
                refusals += [Refusal("unknown_dimension", lookup.key, message)] * int(unknown.sum())
                valid = ~unknown if valid is None else valid & ~unknown
        if self._plan.max_future_ms is not None and events.num_rows:
            timestamp = poll.records.column("timestamp")
            timestamp = timestamp if len(at) == len(timestamp) else timestamp.take(pa.array(at))
            if self._plan.max_future_clock_ms is not None and timestamp.null_count:
                timestamp = timestamp.fill_null(self._plan.max_future_clock_ms)
            event_time = events.column(self._time).to_numpy()
            future = _both(valid, is_future(event_time, timestamp, self._plan.max_future_ms))
            assert future is not None, "only masks that are None are None together"
            if future.any():
                record_times = timestamp.filter(pa.array(future)).to_pylist()
                refusals += map(self._future_event, event_time[future].tolist(), record_times)
                refused_at.append(at[future])
                valid = ~future if valid is None else valid & ~future
        if len(refused_at) == 1:
            return valid, decoded.dead_at, refusals
        positions = np.concatenate(refused_at)
        order = np.argsort(positions, kind="stable")
        return valid, positions[order], [refusals[i] for i in order.tolist()]

    def _future_event(self, event_time: int, record_time: int) -> Refusal:
        limit_ms = self._plan.max_future_ms
        message = f"event time {event_time} is more than {limit_ms} ms after the record's {record_time}"
        return Refusal("future_event", self._time, message)

    def _dead_letters(self, poll: Poll, at: Int64s, refusals: list[Refusal]) -> pa.RecordBatch:
        records = poll.records.select(["offset", "timestamp"]).take(pa.array(at))
        count = len(refusals)
        columns = [
            pa.nulls(count, pa.string()) if self.topic is None else pa.array([self.topic] * count, pa.string()),
            pa.array([self.partition] * count, pa.string()),
            records.column("offset"),
            records.column("timestamp"),
            poll.values(at),
            pa.array([refusal.reason for refusal in refusals], pa.string()),
            pa.array([refusal.field for refusal in refusals], pa.string()),
            pa.array([refusal.message for refusal in refusals], pa.string()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=DEAD_SCHEMA)


def _standing(state: State | None, former: Rules) -> tuple[int, int]:
    """The watermark after the last row of a state, and for how long ids were remembered up to there."""
    if state is None:
        return NEVER_MS, former.deduplicate_within_ms
    newest_ms = state["max_event_time"]
    reached_ms = NEVER_MS if newest_ms is None else max(newest_ms - former.out_of_orderness_ms, NEVER_MS)
    return state.get("watermark", reached_ms), state.get("within_ms", former.deduplicate_within_ms)


def _picked(mask: Bools | None, values: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The values where the mask is true; None = all."""
    return values if mask is None else values[mask]


def _both(valid: Bools | None, more: Bools | None) -> Bools | None:
    """`valid` rows of which `more` is true, which has a value for every row or for every valid one; None = all."""
    if valid is None or more is None:
        return more if valid is None else valid
    if len(more) == len(valid):
        return valid & more
    both = valid.copy()
    both[valid] = more
    return both
