"""Merged rows by their keys, in memory: found, joined and replaced in time proportional to what is asked for."""

from collections.abc import Collection
from dataclasses import dataclass
from dataclasses import replace as dataclass_replace

import numpy as np
import pyarrow as pa

from dataflow.alerts.windows import Span, in_windows
from dataflow.columnar.groups import ranges
from dataflow.columnar.hashing import Hashes, hash64
from dataflow.columnar.types import Bools, Int64s, Positions
from dataflow.fold.merge import merge_rows, merge_runs
from dataflow.pipeline.tables import TableSpec

SPARE_ROWS = 200_000
"""So many rows that are replaced, or whose windows are over, are held before they are cleaned away."""

_ALIKE = 4
_STEP = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0x2545F4914F6CDD1D)


class Totals:
    """One row per key of `spec`, as `merge_rows` makes it.

    Rows are kept in chunks that are never changed; an index of 64-bit codes says where each key's row stands. A code
    only finds a candidate, whose key is compared.
    """

    def __init__(self, spec: TableSpec) -> None:
        self.spec = spec
        self._chunks: list[pa.Table] = []
        self._held_rows = 0
        self._clean_rows = 0
        self._has_twins = False
        # the index in two sorted parts, so that new keys are not inserted into the long one each time
        self._long = Index.empty()
        self._short = Index.empty()

    @property
    def rows(self) -> int:
        """How many keys it holds."""
        return len(self._long.codes) + len(self._short.codes)

    @property
    def held_rows(self) -> int:
        """How many rows are in memory, also those that are replaced already."""
        return self._held_rows

    @property
    def size_bytes(self) -> int:
        """Memory of all rows that are held, and of the index."""
        index = (*self._long.arrays, *self._short.arrays)
        return sum(chunk.nbytes for chunk in self._chunks) + sum(each.nbytes for each in index)

    def joined(self, rows: pa.Table) -> "Joined":
        """`rows`, one per key, merged with what is known of their keys. Nothing changes."""
        codes = self._codes(rows)
        order = np.argsort(codes)
        codes = codes[order]
        if not self._has_twins and not _has_twins(codes):
            found = _Found(codes, order, self._long.find_each(codes), self._short.find_each(codes))
            merged = self._paired(rows, order, found.at(self._long, self._short))
            if merged is not None:
                return Joined(merged, found)
        # two keys of one code, which is all but impossible: they are told apart by sorting
        at = np.concatenate([self._long.find(codes), self._short.find(codes)])
        return Joined(merge_rows(self.spec, pa.concat_tables([self._take(np.sort(at)), rows])))

    def known(self, rows: pa.Table) -> "Known | None":
        """What is known of the keys of `rows`, one per key; None where two of them have one code."""
        codes = self._codes(rows)
        order = np.argsort(codes)
        codes = codes[order]
        if self._has_twins or _has_twins(codes):
            return None
        found = _Found(codes, order, self._long.find_each(codes), self._short.find_each(codes))
        return self._held(rows, order, found.at(self._long, self._short))

    def replace(self, joined: "Joined") -> None:
        """Put what `joined` gave, with columns that are no key perhaps changed, in the place of what was known."""
        merged = joined.rows
        if merged.num_rows == 0:
            return
        new = np.arange(self._held_rows, self._held_rows + merged.num_rows)
        self._append(merged)
        found = joined.found
        if found is None:
            codes = self._codes(merged)
            order = np.argsort(codes)
            codes = codes[order]
            self._has_twins = self._has_twins or _has_twins(codes)
            self._long, self._short = self._long.without(codes), self._short.without(codes)
            self._short = self._short.with_more(codes, new[order])
        else:
            new = new[found.order]
            for index, (place, here) in ((self._long, found.long), (self._short, found.short)):
                index.at[place[here]] = new[here]
            unknown = ~(found.long[1] | found.short[1])
            self._short = self._short.with_more(found.codes[unknown], new[unknown])
        if len(self._short.codes) > SPARE_ROWS + len(self._long.codes) // 8:
            self._long, self._short = self._long.with_more(self._short.codes, self._short.at), Index.empty()

    @property
    def is_full(self) -> bool:
        """Whether there is enough to clean away that it is worth it."""
        return self._held_rows > 3 * self._clean_rows // 2 + SPARE_ROWS

    def clean(self, windows: Collection[Span]) -> None:
        """Forget all windows but these, and rows that are replaced."""
        index = self._long.with_more(self._short.codes, self._short.at)
        order = np.argsort(index.at)
        codes, rows = index.codes[order], self._take(index.at[order])
        stays = in_windows(rows, windows)
        kept = (rows if stays.all() else rows.filter(pa.array(stays))).combine_chunks()
        codes = codes[stays]
        order = np.argsort(codes)
        self._chunks = [kept] if kept.num_rows else []
        self._held_rows = self._clean_rows = kept.num_rows
        self._long, self._short = Index(codes[order], order), Index.empty()

    def _paired(self, rows: pa.Table, order: Positions, at: Int64s) -> pa.Table | None:
        """Row `order[i]` merged with the one at `at[i]`, if there is one (0 or more); None if one has another key."""
        known = self._held(rows, order, at)
        if known is None or len(known.of) == 0:
            return None if known is None else rows
        held, of = known.rows, known.of
        count = rows.num_rows
        second = np.full(count, -1, np.intp)
        second[of] = count + np.arange(len(of))
        both = np.stack([np.arange(count), second], axis=1).ravel()
        begins = np.tile([True, False], count)[both >= 0]
        return merge_runs(self.spec, pa.concat_tables([rows, held]), both[both >= 0], begins)

    def _held(self, rows: pa.Table, order: Positions, at: Int64s) -> "Known | None":
        """What is known of row `order[i]`, at `at[i]` if it is anywhere (0 or more); None if one has another key."""
        known = np.flatnonzero(at >= 0)
        known = known[np.argsort(at[known])]
        held, of = self._take(at[known]), order[known]
        asked = rows.select(self.spec.keys).take(pa.array(of))
        if not held.select(self.spec.keys).combine_chunks().equals(asked.combine_chunks()):
            return None
        return Known(held, of)

    def _append(self, rows: pa.Table) -> None:
        self._chunks.append(rows)
        self._held_rows += rows.num_rows
        # four of about one size become one: there are few chunks, and a row is copied a few times only
        while len(self._chunks) >= _ALIKE and self._chunks[-_ALIKE].num_rows <= 2 * self._chunks[-1].num_rows:
            self._chunks[-_ALIKE:] = [pa.concat_tables(self._chunks[-_ALIKE:]).combine_chunks()]

    def _take(self, at: Int64s) -> pa.Table:
        """The rows at these places, which ascend."""
        taken = [self.spec.schema.empty_table()]
        start = 0
        for chunk in self._chunks:
            inside = at[np.searchsorted(at, start) : np.searchsorted(at, start + chunk.num_rows)]
            if len(inside):
                taken.append(chunk.take(pa.array(inside - start)))
            start += chunk.num_rows
        return pa.concat_tables(taken)

    def _codes(self, rows: pa.Table) -> Hashes:
        return key_codes(rows, self.spec.keys)


_Places = tuple[Positions, Bools]
"""Where each code stands in an index, and whether it is there at all."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The `codes` of some rows, ascending, the row of each (`order`), and where they are in the two indexes."""

    codes: Hashes
    order: Positions
    long: _Places
    short: _Places

    def at(self, long: "Index", short: "Index") -> Int64s:
        """Where the row of each code stands; -1 for those that are not known."""
        at = np.full(len(self.codes), -1, np.int64)
        for index, (place, here) in ((long, self.long), (short, self.short)):
            at[here] = index.at[place[here]]
        return at


@dataclass(frozen=True, slots=True)
class Known:
    """Merged `rows` that are known; `of[i]` is which of those that were asked for the i-th one is of."""

    rows: pa.Table
    of: Positions


@dataclass(frozen=True, slots=True)
class Joined:
    """Merged `rows`, one per key; `found` where each key has a code of its own, and rows come as they were given."""

    rows: pa.Table
    found: _Found | None = None

    def with_column(self, name: str, values: Int64s) -> "Joined":
        """The same with other values in a column that is no key."""
        place = self.rows.schema.get_field_index(name)
        return dataclass_replace(self, rows=self.rows.set_column(place, name, pa.array(values)))


class Index:
    """Codes, ascending, and where the rows of each stand."""

    def __init__(self, codes: Hashes, at: Int64s) -> None:
        self.codes = codes
        self.at = at

    @classmethod
    def empty(cls) -> "Index":
        """Nothing."""
        return cls(np.empty(0, np.uint64), np.empty(0, np.int64))

    @property
    def arrays(self) -> "tuple[Hashes, Int64s]":
        """All that it is made of."""
        return self.codes, self.at

    def find(self, codes: Hashes) -> Int64s:
        """Where all rows with one of these codes, which ascend, stand; each row once where codes repeat."""
        first: Positions = np.searchsorted(self.codes, codes, "left")
        count = np.searchsorted(self.codes, codes, "right") - first
        count[1:][codes[1:] == codes[:-1]] = 0
        return self.at[ranges(first, count)]

    def find_each(self, codes: Hashes) -> _Places:
        """Where each of these codes is, which are here once or not at all."""
        place: Positions = np.searchsorted(self.codes, codes)
        here = place < len(self.codes)
        here[here] = self.codes[place[here]] == codes[here]
        return place, here

    def without(self, codes: Hashes) -> "Index":
        """The same but for these codes."""
        stays = ~np.isin(self.codes, codes)
        return Index(self.codes[stays], self.at[stays])

    def with_more(self, codes: Hashes, at: Int64s) -> "Index":
        """`codes` ascending."""
        if len(self.codes) == 0:
            return Index(codes, at)
        place = np.searchsorted(self.codes, codes)
        return Index(np.insert(self.codes, place, codes), np.insert(self.at, place, at))


def key_codes(rows: pa.Table, names: tuple[str, ...]) -> Hashes:
    """A code for each row's values of these columns; equal values have equal codes."""
    code = np.zeros(rows.num_rows, np.uint64)
    for name in names:
        column = rows.column(name).combine_chunks()
        if pa.types.is_timestamp(column.type):
            column = column.view(pa.int64())
        own = hash64(column)
        if column.null_count:
            own = np.where(np.asarray(column.is_valid()), own, _NULL)
        code = (code ^ (code >> np.uint64(29)) ^ own) * _STEP
    return code


def _has_twins(codes: Hashes) -> bool:
    """Whether two of the codes, which ascend, are one."""
    return bool((codes[1:] == codes[:-1]).any())
