"""Merged rows by their keys, in memory: found, joined and replaced in time proportional to what is asked for."""

from dataclasses import dataclass
from dataclasses import replace as dataclass_replace

import numpy as np
import pyarrow as pa

from dataflow.columnar.groups import ranges
from dataflow.columnar.hashing import Hashes, hash64
from dataflow.columnar.types import Bools, Int64s, Positions
from dataflow.fold.merge import merge_rows, merge_runs
from dataflow.own_columns import WINDOW
from dataflow.pipeline.tables import TableSpec

SPARE_ROWS = 65_536
"""So many rows that are replaced, or whose windows are over, are held before they are cleaned away."""

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
        self._long = _Index.empty()
        self._short = _Index.empty()

    @property
    def rows(self) -> int:
        """How many keys it holds."""
        return len(self._long.codes) + len(self._short.codes)

    @property
    def held_rows(self) -> int:
        """How many rows are in memory, also those that are replaced already."""
        return self._held_rows

    def joined(self, rows: pa.Table) -> "Joined":
        """`rows`, one per key, merged with what is known of their keys. Nothing changes."""
        codes = self._codes(rows)
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        if not self._has_twins and not _has_twins(codes):
            at = self._long.place(codes)
            at = np.where(at < 0, self._short.place(codes), at)
            merged = self._paired(rows, order, at)
            if merged is not None:
                return Joined(merged, codes, order, at)
        # two keys of one code, which is all but impossible: they are told apart by sorting
        at = np.concatenate([self._long.find(codes), self._short.find(codes)])
        return Joined(merge_rows(self.spec, pa.concat_tables([self._take(np.sort(at)), rows])))

    def replace(self, joined: "Joined") -> None:
        """Put what `joined` gave, with columns that are no key perhaps changed, in the place of what was known."""
        merged = joined.rows
        if merged.num_rows == 0:
            return
        new = np.arange(self._held_rows, self._held_rows + merged.num_rows)
        self._append(merged)
        if joined.codes is None or joined.order is None or joined.at is None:
            codes = self._codes(merged)
            order = np.argsort(codes, kind="stable")
            codes = codes[order]
            self._has_twins = self._has_twins or _has_twins(codes)
            self._long, self._short = self._long.without(codes), self._short.without(codes)
            self._short = self._short.with_more(codes, new[order])
        else:
            new = new[joined.order]
            self._long.point(joined.codes, new)
            self._short.point(joined.codes, new)
            unknown = joined.at < 0
            self._short = self._short.with_more(joined.codes[unknown], new[unknown])
        if len(self._short.codes) > SPARE_ROWS + len(self._long.codes) // 8:
            self._long, self._short = self._long.with_more(self._short.codes, self._short.at), _Index.empty()

    @property
    def is_full(self) -> bool:
        """Whether there is enough to clean away that it is worth it."""
        return self._held_rows > 2 * self._clean_rows + SPARE_ROWS

    def clean(self, over_ms: int) -> None:
        """Forget windows that end by `over_ms`, and rows that are replaced."""
        index = self._long.with_more(self._short.codes, self._short.at)
        order = np.argsort(index.at, kind="stable")
        codes, rows = index.codes[order], self._take(index.at[order])
        stays = _ms(rows, WINDOW[1].name) > over_ms
        kept = rows.filter(pa.array(stays)).combine_chunks()
        codes = codes[stays]
        order = np.argsort(codes, kind="stable")
        self._chunks = [kept] if kept.num_rows else []
        self._held_rows = self._clean_rows = kept.num_rows
        self._long, self._short = _Index(codes[order], order), _Index.empty()

    def _paired(self, rows: pa.Table, order: Positions, at: Int64s) -> pa.Table | None:
        """Row `order[i]` merged with the one at `at[i]`, if there is one (0 or more); None if one has another key."""
        known = np.flatnonzero(at >= 0)
        if len(known) == 0:
            return rows
        known = known[np.argsort(at[known], kind="stable")]
        held, of = self._take(at[known]), order[known]
        asked = rows.select(self.spec.keys).take(pa.array(of))
        if not held.select(self.spec.keys).combine_chunks().equals(asked.combine_chunks()):
            return None
        count = rows.num_rows
        second = np.full(count, -1, np.intp)
        second[of] = count + np.arange(len(of))
        both = np.stack([np.arange(count), second], axis=1).ravel()
        begins = np.tile([True, False], count)[both >= 0]
        return merge_runs(self.spec, pa.concat_tables([rows, held]), both[both >= 0], begins)

    def _append(self, rows: pa.Table) -> None:
        self._chunks.append(rows)
        self._held_rows += rows.num_rows
        # each chunk at least twice as long as the next one: few of them, and a row is copied a few times only
        while len(self._chunks) > 1 and self._chunks[-2].num_rows < 2 * self._chunks[-1].num_rows:
            last = self._chunks.pop()
            self._chunks[-1] = pa.concat_tables([self._chunks[-1], last]).combine_chunks()

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


@dataclass(frozen=True, slots=True)
class Joined:
    """Merged `rows`, one per key. Where each key has a code of its own: the `codes`, ascending, the row of each
    (`order`), and where it stood (`at`, -1 if nowhere).
    """

    rows: pa.Table
    codes: Hashes | None = None
    order: Positions | None = None
    at: Int64s | None = None

    def with_column(self, name: str, values: Int64s) -> "Joined":
        """The same with other values in a column that is no key."""
        place = self.rows.schema.get_field_index(name)
        return dataclass_replace(self, rows=self.rows.set_column(place, name, pa.array(values)))


class _Index:
    """Codes, ascending, and where the row of each stands."""

    def __init__(self, codes: Hashes, at: Int64s) -> None:
        self.codes = codes
        self.at = at

    @classmethod
    def empty(cls) -> "_Index":
        return cls(np.empty(0, np.uint64), np.empty(0, np.int64))

    def find(self, codes: Hashes) -> Int64s:
        """Where all rows with one of these codes, which ascend, stand; each row once where codes repeat."""
        first: Positions = np.searchsorted(self.codes, codes, "left")
        count = np.searchsorted(self.codes, codes, "right") - first
        count[1:][codes[1:] == codes[:-1]] = 0
        return self.at[ranges(first, count)]

    def place(self, codes: Hashes) -> Int64s:
        """Where the row of each of these codes stands; -1 for those that are not here. Each code is here once."""
        place, here = self._find(codes)
        found = np.full(len(codes), -1, np.int64)
        found[here] = self.at[place[here]]
        return found

    def point(self, codes: Hashes, at: Int64s) -> None:
        """Let those of the codes that are here, each once, stand for these rows."""
        place, here = self._find(codes)
        self.at[place[here]] = at[here]

    def _find(self, codes: Hashes) -> tuple[Positions, Bools]:
        place = np.searchsorted(self.codes, codes)
        here = place < len(self.codes)
        here[here] = self.codes[place[here]] == codes[here]
        return place, here

    def without(self, codes: Hashes) -> "_Index":
        stays = ~np.isin(self.codes, codes)
        return _Index(self.codes[stays], self.at[stays])

    def with_more(self, codes: Hashes, at: Int64s) -> "_Index":
        """`codes` ascending."""
        place = np.searchsorted(self.codes, codes)
        return _Index(np.insert(self.codes, place, codes), np.insert(self.at, place, at))


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


def _ms(rows: pa.Table, name: str) -> Int64s:
    """A column of times as milliseconds."""
    return rows.column(name).combine_chunks().view(pa.int64()).to_numpy()
