"""One alert rule over what an epoch has so far: which alerts its commit would raise if it ended now."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from dataflow.alerts.epoch_sums import EpochSums
from dataflow.alerts.judge import RuleJudge, after, now_seen
from dataflow.alerts.telling import CHANGE
from dataflow.alerts.totals import Totals
from dataflow.alerts.values import values_of
from dataflow.alerts.windows import windows_of
from dataflow.fold.merge import merge_rows
from dataflow.pipeline.tables import ALERT_SCHEMA


class EarlyJudge:
    """Looks ahead for a RuleJudge, which it never changes: what the commit raises is as if nobody had looked.

    In memory are the merged rows of the epoch, from its first row to `forget`.
    """

    def __init__(self, judge: RuleJudge) -> None:
        self._judge = judge
        self.forget()

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self._judge.rule.name

    def raised(self, delta: pa.Table, sides: Mapping[str, pa.Table], *, over_ms: int) -> pa.Table:
        """The alerts, in ALERT_SCHEMA, that these rows raise with those before them; each is told once an epoch.

        Rows are as `RuleJudge.changes` takes them, but not merged. A commit of just all rows of the epoch so far would
        make the same change, unless it would make none: what later rows of the epoch do is not known yet.
        """
        judge = self._judge
        delta = after(delta, over_ms)
        parts = {name: after(rows, over_ms) for name, rows in sides.items()}
        touched = windows_of(delta).union(*map(windows_of, parts.values()))
        if not touched:
            return ALERT_SCHEMA.empty_table()
        judge.hold(touched)
        if self._sums is not None and not parts:
            return self._summed(self._sums, judge.extended(delta))
        rows = [judge.extended(delta)]
        for name, side in judge.counts.items():
            if side in parts:
                rows.append(judge.counted(name, now_seen(self._values[side], judge.unseen(side, parts[side]))))
        epoch = self._totals.joined(merge_rows(judge.spec, pa.concat_tables(rows)))
        # a row counts as a change what was told early: the sum is odd where the alert stands or was told
        joined = judge.joined(epoch.rows)
        if joined.found is None:
            # two keys of one code, which is all but impossible: rows are not as they were given, so that none is told
            self._totals.replace(epoch)
            return ALERT_SCHEMA.empty_table()
        values = values_of(judge.rule, joined.rows)
        number = joined.rows.column(CHANGE).to_numpy().copy()
        at = np.flatnonzero(judge.stands(joined.rows, values) & (number % 2 == 0))
        if len(at) == 0:
            self._totals.replace(epoch)
            return ALERT_SCHEMA.empty_table()
        told = epoch.rows.column(CHANGE).to_numpy().copy()
        told[at] += 1
        self._totals.replace(epoch.with_column(CHANGE, told))
        number[at] += 1
        return judge.told(joined.with_column(CHANGE, number).rows, values, at)

    def _summed(self, sums: EpochSums, rows: pa.Table) -> pa.Table:
        """As `raised`, of a rule that counts and adds up alone."""
        judge = self._judge
        merged = sums.joined(rows)
        if merged is None:
            return ALERT_SCHEMA.empty_table()
        values = values_of(judge.rule, merged)
        number = merged.column(CHANGE).to_numpy()
        at = np.flatnonzero(judge.stands(merged, values) & (number % 2 == 0))
        if len(at) == 0:
            return ALERT_SCHEMA.empty_table()
        sums.add(merged, CHANGE, at.tolist())
        place = merged.schema.get_field_index(CHANGE)
        return judge.told(merged.set_column(place, CHANGE, pa.array(number + 1)), values, at)

    def forget(self) -> None:
        """The epoch has ended."""
        judge = self._judge
        fits = EpochSums.fits(judge.spec) and not judge.counts
        self._sums = EpochSums(judge.spec, judge.known) if fits else None
        self._totals = Totals(judge.spec)
        self._values = {side: Totals(judge.seen_spec(side)) for side in judge.counts.values()}
