"""Event times written as text, to int64 ms: whole columns where the text is plain, the others one by one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.types import Bools, Int64s
from dataflow.event.fields import TimeUnit, text_to_ms
from dataflow.event.text_time import TextTime
from dataflow.zones import zone_of

_STRICT = r"^[1-9]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"
_DIGITS = r"^-?\d{1,18}$"
_READING = r"^[1-9]\d{3}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?"
_WITH_OFFSET = _READING + r"([Zz]|[+-]\d{2}:?\d{2})$"
_WITHOUT = _READING + r"$"
_PER_MS = {TimeUnit.MILLIS: 1, TimeUnit.MICROS: 1_000, TimeUnit.NANOS: 1_000_000}
_MOST_SECONDS = 9_000_000_000_000


def strict_times(values: list[Any] | pa.Array, marks: Bools) -> pa.Array:
    """The texts of EventTimeText as it stands, none of them null."""
    texts = pa.array(values, pa.string())
    plain = pc.match_substring_regex(texts, _STRICT)
    if pc.all(plain).as_py():
        try:
            return _cast(texts, pa.timestamp("ms", "UTC"))
        except pa.ArrowInvalid:
            pass
    times = np.zeros(len(values), np.int64)
    _one_by_one(texts, range(len(texts)), text_to_ms, times, marks)
    return pa.array(times)


class TextTimes:
    """The texts of an EventTimeText(...)."""

    def __init__(self, time: TextTime) -> None:
        self._time = time
        self._ticks = time.ticks
        self._zone = None if time.zone is None else zone_of(time.zone)

    def __call__(self, values: list[Any] | pa.Array, marks: Bools) -> pa.Array:
        """One int64 per text, none of them null; the texts that may be none are marked."""
        texts = pa.array(values, pa.string())
        times = np.zeros(len(values), np.int64)
        rest = np.ones(len(values), np.bool_)
        forms: list[tuple[str, Callable[[pa.Array], Int64s]]] = [(_DIGITS, self._numbers), (_WITH_OFFSET, _instants)]
        if self._zone is not None:
            forms.append((_WITHOUT, self._readings))
        for pattern, read in forms:
            if not rest.any():
                break
            fit = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False) & rest
            if fit.any():
                try:
                    times[fit] = read(texts if fit.all() else texts.filter(pa.array(fit)))
                except pa.ArrowInvalid:
                    continue
                rest &= ~fit
        first_ms, last_ms = self._time.bounds
        marks |= ~rest & ((times < first_ms) | (times > last_ms))
        if rest.any():
            _one_by_one(texts, np.flatnonzero(rest).tolist(), self._time.to_ms, times, marks)
        return pa.array(times)

    def _numbers(self, texts: pa.Array) -> Int64s:
        ticks = texts.cast(pa.int64()).to_numpy()
        if self._ticks is TimeUnit.SECONDS:
            return np.asarray(np.clip(ticks, -_MOST_SECONDS - 1, _MOST_SECONDS + 1) * 1_000)
        return np.asarray(ticks // _PER_MS[self._ticks])

    def _readings(self, texts: pa.Array) -> Int64s:
        assert self._zone is not None, "texts without a zone are read where there is one"
        plain = pc.replace_substring_regex(texts, "^(.{10})[t ]", r"\1T")
        return self._zone.instant(_cast(plain, pa.timestamp("ms")).to_numpy())


def _instants(texts: pa.Array) -> Int64s:
    plain = pc.replace_substring_regex(texts, "^(.{10})[t ]", r"\1T")
    plain = pc.replace_substring_regex(plain, r"([+-]\d{2})(\d{2})$", r"\1:\2")
    plain = pc.replace_substring_regex(plain, "z$", "Z")
    times: Int64s = _cast(plain, pa.timestamp("ms", "UTC")).to_numpy()
    return times


def _cast(texts: pa.Array, type_: pa.DataType) -> pa.Array:
    """As ms, the further decimals cut off. Raises ArrowInvalid where one is no time."""
    return pc.replace_substring_regex(texts, r"(\.\d{3})\d+", r"\1").cast(type_).cast(pa.int64())


def _one_by_one(texts: pa.Array, at: Any, read: Callable[[str], int], times: Int64s, marks: Bools) -> None:
    for i in at:
        try:
            times[i] = read(texts[i].as_py())
        except ValueError:
            marks[i] = True
