"""A snapshot that answers from rows in memory where it can, and from the files of the lake elsewhere."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dataflow.errors import QueryError
from query.cells import Shape as CellShape
from query.ends import Ends
from query.moment import from_ms, to_ms
from query.naming import SYSTEM
from query.others import named_in
from query.question import Bound
from query.recent.frontier import Rule, frontier_at
from query.recent.kept import Kept
from query.recent.shape import is_not_kept
from query.recent.store import PLACE
from query.resolve import Resolved
from query.snapshot import LakeSnapshot, Means
from query.texts import Row, Texts

if TYPE_CHECKING:
    import pyarrow as pa

_WORD = re.compile(r"\w+")
_MOST_ROWS = 20_000
"""So many rows of texts are read ahead, to know whether they can all be had."""


class Near(NamedTuple):
    """What the snapshots of one reader share about memory: `means` of an engine whose tables it lies in.

    `files_only`: texts of questions that have read a column that is not kept.
    """

    means: Means
    files_only: set[str]


class _Place(NamedTuple):
    """Where to ask a question, and with which bounds."""

    snapshot: LakeSnapshot
    bounds: Sequence[Bound]


class RecentSnapshot(LakeSnapshot):
    """A snapshot of which `kept` is in memory, by view. It answers as any LakeSnapshot does, and is as unchanging."""

    def __init__(self, means: Means, resolved: Resolved, near: Near, kept: Mapping[str, Kept], ends: Ends) -> None:
        super().__init__(means, resolved)
        self.kept = kept
        self._near = near
        plain = resolved._replace(others={})
        frontiers = {rule: frontier_at(ends, rule) for rule in {each.shape.rule for each in kept.values()}}
        self._inside = LakeSnapshot(near.means, plain, instead=_views(kept, frontiers, with_files=False))
        self._across = LakeSnapshot(near.means, plain, instead=_views(kept, frontiers, with_files=True))
        self._words = {name.lower(): name for name in self.names()}

    def query(
        self,
        sql: str,
        *,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        timeout_s: float | None = None,
        limit: int | None = None,
        bounds: Sequence[Bound] = (),
        histories: Sequence[str] = (),
    ) -> "pa.Table":
        """See LakeSnapshot.query."""
        if histories:
            return super().query(sql, timeout_s=timeout_s, parameters=parameters, limit=limit, histories=histories)
        ask = {"parameters": parameters, "timeout_s": timeout_s, "limit": limit}
        place = self._place(sql, bounds)
        if place is not None:
            try:
                return place.snapshot.query(sql, bounds=place.bounds, **ask)  # type: ignore[arg-type]  # as given
            except QueryError as error:
                if not is_not_kept(error):
                    raise
                self._remember(sql)
        return super().query(sql, bounds=bounds, **ask)  # type: ignore[arg-type]  # as given

    def texts(
        self,
        sql: str,
        shape: CellShape,
        *,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        timeout_s: float | None = None,
        limit: int | None = None,
        bounds: Sequence[Bound] = (),
        histories: Sequence[str] = (),
    ) -> Texts:
        """See LakeSnapshot.texts."""
        if histories:
            return super().texts(
                sql, shape, timeout_s=timeout_s, parameters=parameters, limit=limit, histories=histories
            )
        ask = {"parameters": parameters, "timeout_s": timeout_s, "limit": limit}
        place = self._place(sql, bounds)
        if place is not None:
            try:
                found = place.snapshot.texts(sql, shape, bounds=place.bounds, **ask)  # type: ignore[arg-type]  # as given
                ahead = _read_ahead(found)
                if ahead is not None:
                    return ahead
            except QueryError as error:
                if not is_not_kept(error):
                    raise
                self._remember(sql)
        return super().texts(sql, shape, bounds=bounds, **ask)  # type: ignore[arg-type]  # as given

    def _remember(self, sql: str) -> None:
        if len(self._near.files_only) > 1_000:
            self._near.files_only.clear()
        self._near.files_only.add(sql)

    def _place(self, sql: str, bounds: Sequence[Bound]) -> _Place | None:
        """Where in memory to ask; None where only the files tell."""
        if not self.kept or sql in self._near.files_only or SYSTEM.search(sql):
            return None
        words = set(_WORD.findall(sql.lower()))
        named = {self._words[word] for word in words & self._words.keys()}
        kept = {name: self.kept[name] for name in named & self.kept.keys()}
        deltas = {each.shape.delta.name for each in kept.values()}
        if not kept or deltas & named or PLACE in words or named_in(sql, self.resolved.others):
            return None
        if any(each.shape.lost for each in kept.values()) and any(word.startswith("try") for word in words):
            # it would take the error of a column that is not kept for a missing value
            return None
        low = {bound.table: bound.at_least for bound in bounds if bound.column == "window_start"}
        inside = True
        for each in kept.values():
            least = low.get(each.shape.delta.name)
            least_ms = None if least is None or isinstance(least, int) else to_ms(least)
            each.note_use(least_ms, time.monotonic())
            inside &= each.border_ms is None or (least_ms is not None and least_ms >= each.border_ms)
        if inside:
            needed, _ = self._inside.needed(sql)
            return _Place(self._inside, [bound for bound in bounds if bound.table in needed])
        return _Place(self._across, self._across_bounds(kept, bounds))

    def _across_bounds(self, kept: Mapping[str, Kept], bounds: Sequence[Bound]) -> list[Bound]:
        """Of the delta tables only the files before the border are read."""
        given = {bound.table: bound for bound in bounds}
        for each in kept.values():
            delta = each.shape.delta.name
            if each.border_ms is None or each.shape.reads_delta:
                continue
            border = from_ms(each.border_ms)
            known = given.get(delta, Bound(delta, "window_start"))
            if known.column != "window_start":
                continue
            below = known.below
            given[delta] = known._replace(below=border if not hasattr(below, "tzinfo") else min(below, border))  # type: ignore[type-var]  # both are times
        return [*given.values()]


def _views(kept: Mapping[str, Kept], frontiers: Mapping[Rule, str], *, with_files: bool) -> dict[str, str]:
    return {name: each.view_sql(frontiers[each.shape.rule], with_files=with_files) for name, each in kept.items()}


def _read_ahead(found: Texts) -> Texts | None:
    """The same with all rows there already; None where they are too many for that."""
    batches: list[list[Row]] = []
    rows = 0
    for batch in found:
        batches.append(batch)
        rows += len(batch)
        if rows > _MOST_ROWS:
            return None
    return Texts(found.columns, iter(batches))
