"""One alert rule over sessions: each is judged once it is over, and anew where later rows extend or join it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from dataflow.aggregates.parts import extremes
from dataflow.alerts.closed import ClosedStore
from dataflow.alerts.extended import filled, with_counts
from dataflow.alerts.grouped import holders, numbered
from dataflow.alerts.judge import Stored
from dataflow.alerts.keyed_rows import KeyedRows
from dataflow.alerts.telling import CHANGE, Told, newest_changes, told_changes
from dataflow.alerts.totals import key_codes
from dataflow.alerts.values import values_of
from dataflow.alerts.windows import END, START, times_ms
from dataflow.columnar.hashing import Hashes
from dataflow.columnar.types import Bools, Int64s
from dataflow.fold.merge import merge_rows
from dataflow.messages import NEVER_MS
from dataflow.own_columns import VALUE
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.tables import ALERT_SCHEMA, Merge, rollup_tables

_NEW = "_new"
"""How many rows of this commit are in a session."""

_BEGAN = "_began"
"""Where a session began that was in memory, whole; null of rows that were not."""


class SessionJudge:
    """Which alerts of a rule over sessions stand; `dataflow.alerts.closed.ClosedJudge`.

    In memory are the sessions that are not over. Those that are over, which a row may extend or join all the same, are
    read back from the store when that happens.
    """

    def __init__(self, rule: AlertPlan, store: ClosedStore, judged_ms: int) -> None:
        self.rule = rule
        self.judged_ms = judged_ms
        self._store = store
        self._delta, *self._sides = rollup_tables(rule.rollup)
        self._keys = tuple(key.name for key in rule.rollup.keys)
        spec = with_counts(self._delta, [_NEW])
        began = Merge((_BEGAN,), extremes("min"))
        schema = spec.schema.append(pa.field(_BEGAN, pa.int64()))
        self._spec = replace(spec, schema=schema, merges=(*spec.merges, began))
        self._counted = [each.name for each in rule.rollup.aggregates if each.keeps_values]
        self.forget_all()

    @property
    def rows(self) -> int:
        """How many sessions are in memory, and distinct values of them."""
        return self._open.rows + sum(values.rows for values in self._values.values())

    @property
    def size_bytes(self) -> int:
        """Memory of these."""
        return self._open.size_bytes + sum(values.size_bytes for values in self._values.values())

    def forget_all(self) -> None:
        """What is stored has changed in another way than by what was judged here."""
        self._is_loaded = False
        self._open = KeyedRows(self._spec.schema, self._keys)
        self._values = {side.name: KeyedRows(side.schema, self._keys) for side in self._sides}
        self._known = newest_changes(self.rule, ALERT_SCHEMA.empty_table())

    def changes(self, rows: Mapping[str, pa.Table], *, end_ms: int, over_ms: int) -> pa.Table:
        """As `ClosedJudge` says."""
        if not self._is_loaded:
            self._load()
        delta = rows.get(self._delta.name, self._delta.schema.empty_table())
        new = self._extended(delta, is_new=True)
        sides = {side.name: rows.get(side.name, side.schema.empty_table()) for side in self._sides}
        for name, side in sides.items():
            self._values[name].add(side)
        touched, known = self._touched(new, sides)
        ended_ms = max(end_ms, self.judged_ms)
        sessions = pa.concat_tables([touched, self._open.take_ended(ended_ms)])
        is_over = times_ms(sessions, END) <= ended_ms
        waiting = sessions.filter(pa.array(~is_over))
        self._open.add(_held(waiting))
        self.judged_ms = ended_ms
        return self._judged(sessions, is_over & (times_ms(sessions, END) > over_ms), is_over, known)

    def _touched(self, new: pa.Table, sides: Mapping[str, pa.Table]) -> tuple[pa.Table, pa.Table]:
        """The sessions, whole, of the keys of these rows that are not over or have one of the rows; known alerts."""
        held = self._open.take(np.unique(key_codes(new, self._keys)))
        merged = merge_rows(self._spec, pa.concat_tables([held, new]))
        start, began = times_ms(merged, START), merged.column(_BEGAN)
        is_whole = np.asarray(began.is_valid()) & (began.fill_null(0).to_numpy() == start)
        reaches = merged.filter(pa.array(~is_whole & (start <= self.judged_ms)))
        alone = self._alone(merged, sides)
        if reaches.num_rows + alone.num_rows == 0:
            return merged, self._known
        # sessions that were over, and left the memory, may lie beside them
        back = pa.concat_tables([reaches.select(alone.schema.names), alone])
        codes = np.unique(key_codes(back, self._keys))
        mine = new.filter(pa.array(np.isin(key_codes(new, self._keys), codes)))
        found, stored = self._whole(int(times_ms(back, START).min()) - 1, codes, mine, alone)
        self._open.take(codes)
        self._revalue(stored, codes, sides)
        known, _ = _by_codes(newest_changes(self.rule, stored.changes), codes, self._keys)
        _, rest = _by_codes(self._known, codes, self._keys)
        _, others = _by_codes(merged, codes, self._keys)
        return pa.concat_tables([others, found]), pa.concat_tables([rest, known])

    def _alone(self, merged: pa.Table, sides: Mapping[str, pa.Table]) -> pa.Table:
        """Keys and windows of distinct values that come without rows of their own, to sessions that were over."""
        names = [*self._keys, START, END]
        found = [self._delta.schema.empty_table().select(names)]
        for side in sides.values():
            old = side.filter(pa.array(times_ms(side, END) <= self.judged_ms))
            if old.num_rows:
                found.append(old.filter(pa.array(holders(merged, old, self._keys) < 0)).select(names))
        return pa.concat_tables(found)

    def _load(self) -> None:
        """Read all sessions that are not over, and the alerts that stand of them."""
        self._is_loaded = True
        nothing = self._spec.schema.empty_table()
        sessions, stored = self._whole(self.judged_ms, None, nothing, nothing)
        self._open.add(_held(sessions))
        for side in self._sides:
            values = stored.sides[side.name]
            self._values[side.name].add(values.filter(pa.array(holders(sessions, values, self._keys) >= 0)))
        self._known = newest_changes(self.rule, stored.changes)

    def _whole(self, after_ms: int, codes: Hashes | None, new: pa.Table, alone: pa.Table) -> tuple[pa.Table, Stored]:
        """Sessions of these keys (None: all) with what is stored that are not over, or have a row of `new` or `alone`.

        Reads rows that end after `after_ms`, and then so far back that no session begins before what was read.
        """
        further_ms = self.rule.rollup.window.size_ms
        while True:
            stored = self._store.ending(after_ms)
            rows = self._extended(stored.delta, is_new=False)
            if codes is not None:
                rows, _ = _by_codes(rows, codes, self._keys)
            merged = merge_rows(self._spec, pa.concat_tables([rows, new]))
            wanted = (merged.column(_NEW).to_numpy() > 0) | (times_ms(merged, END) > self.judged_ms)
            of = holders(merged, alone, self._keys)
            wanted[of[of >= 0]] = True
            sessions = merged.filter(pa.array(wanted))
            start = times_ms(sessions, START)
            if len(start) == 0 or start.min() > after_ms or after_ms <= NEVER_MS:
                return sessions, stored
            after_ms = max(int(start.min()) - 1 - further_ms, NEVER_MS)
            further_ms *= 2

    def _revalue(self, stored: Stored, codes: Hashes, sides: Mapping[str, pa.Table]) -> None:
        """Hold the distinct values of these keys as they are stored and come."""
        for side in self._sides:
            values = self._values[side.name]
            values.take(codes)
            for part in (stored.sides[side.name], sides[side.name]):
                mine, _ = _by_codes(part, codes, self._keys)
                values.add(mine)

    def _judged(self, sessions: pa.Table, judged: Bools, is_over: Bools, known: pa.Table) -> pa.Table:
        """The changes that come of these sessions, of which some are `judged`; `known`: alerts that may stand."""
        number = np.zeros(sessions.num_rows, np.int64)
        of = holders(sessions, known, self._keys)
        newest = known.column(CHANGE).to_numpy()
        same = of >= 0
        for name in (START, END):
            same[same] = times_ms(sessions, name)[of[same]] == times_ms(known, name)[same]
        number[of[same]] = newest[same]
        # of these the session has been joined with others, or goes on: there is none of this window any more
        stale = np.flatnonzero((of >= 0) & ~same & (newest % 2 == 1))
        wanted = judged.copy()
        wanted[of[stale]] = True
        at = np.flatnonzero(wanted)
        asked = self._with_counts(sessions.take(pa.array(at)), is_over[at])
        values = values_of(self.rule, asked)
        changed = np.flatnonzero(judged[at] & (self._stands(values) != (number[at] % 2 == 1)))
        place = np.full(sessions.num_rows, -1, np.int64)
        place[at] = np.arange(len(at))
        columns = {name: each.to_pylist() for name, each in values.items()}
        start, end = times_ms(asked, START).tolist(), times_ms(asked, END).tolist()
        lines = [
            Told(
                int(number[at[each]]) + 1,
                start[each],
                end[each],
                {name: column[each] for name, column in columns.items()},
            )
            for each in changed.tolist()
        ]
        was_start, was_end = times_ms(known, START).tolist(), times_ms(known, END).tolist()
        for each in stale.tolist():
            value = {name: column[place[of[each]]] for name, column in columns.items()}
            lines.append(Told(int(newest[each]) + 1, was_start[each], was_end[each], value))
        gone = np.zeros(known.num_rows, np.bool_)
        gone[stale] = True
        self._known = known.filter(pa.array(~gone & (times_ms(known, END) > self.judged_ms)))
        return told_changes(self.rule, lines)

    def _stands(self, values: Mapping[str, pa.Array]) -> Bools:
        having = self.rule.having
        assert having is not None, "a rule over sessions has a condition"
        true = having.evaluate({name: values[name] for name in having.columns})
        answer: Bools = true.fill_null(False).to_numpy(zero_copy_only=False)
        return answer

    def _with_counts(self, sessions: pa.Table, is_over: Bools) -> pa.Table:
        """The same sessions with their exact distinct counts, the values of which are then held no longer if over."""
        for name, side in zip(self._counted, self._sides, strict=True):
            values = self._values[side.name].take(np.unique(key_codes(sessions, self._keys)))
            of = holders(sessions, values, self._keys)
            inside = of >= 0
            stays = ~inside
            stays[inside] = ~is_over[of[inside]]
            self._values[side.name].add(values.filter(pa.array(stays)))
            # each value once a session
            value = numbered(values, (VALUE,))[inside]
            pairs = np.unique(of[inside] * (values.num_rows + 1) + value) // (values.num_rows + 1)
            found: Int64s = np.bincount(pairs, minlength=sessions.num_rows).astype(np.int64)
            sessions = sessions.append_column(name, pa.array(found[: sessions.num_rows]))
        return sessions

    def _extended(self, delta: pa.Table, *, is_new: bool) -> pa.Table:
        """Partial sessions in the form of the memory, without rows that only say that others were late."""
        rows = delta.filter(pa.array(delta.column("row_count").to_numpy() > 0))
        columns: dict[str, Any] = {name: rows.column(name) for name in self._delta.schema.names}
        columns[_NEW] = np.full(rows.num_rows, int(is_new), np.int64)
        return filled(self._spec, columns, rows.num_rows)


def _held(sessions: pa.Table) -> pa.Table:
    """Sessions as they stay in memory, whole."""
    names, rows = sessions.schema.names, sessions.num_rows
    held = sessions.set_column(names.index(_NEW), _NEW, pa.array(np.zeros(rows, np.int64)))
    return held.set_column(names.index(_BEGAN), _BEGAN, pa.array(times_ms(sessions, START)))


def _by_codes(rows: pa.Table, codes: Hashes, keys: tuple[str, ...]) -> tuple[pa.Table, pa.Table]:
    """Rows whose keys have one of these codes, and the others."""
    mine = np.isin(key_codes(rows, keys), codes)
    return rows.filter(pa.array(mine)), rows.filter(pa.array(~mine))
