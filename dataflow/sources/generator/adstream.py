"""A made-up stream of ad events: realistic, endless, and a pure function of (seed, partition, offset)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dataflow.columnar.types import Doubles, Int64s, UInt64s

ADS = 500
USERS = 20_000
RECENT = 64
"""How far back, in offsets, a duplicate looks for its original."""

DAY_MS = 86_400_000
BURST_MS = 120_000
_DAY_SWING, _BURST_SWING = 0.5, 0.35
_GAMMA = 0x9E3779B97F4A7C15
_WAVE = np.array([math.cos(2 * math.pi * step / 4096) - 1 for step in range(4097)])

_TYPES = ("impression", "click", "conversion")
_AD_NAMES = [*(f"ad-{n:04d}" for n in range(ADS)), *(f"ad-{n:04d}" for n in range(9_000, 9_010))]
_USER_PARTS = [*(f',"user_id":"user-{n:05d}"' for n in range(USERS)), ""]
_HEAD = '{"event_id":"%016x","event_time":%d,"event_type":"%s","ad_id":"%s"%s'
_RECORDS = (_HEAD + ',"cost":%d.%06d}', _HEAD + ',"revenue":%d.%06d}', _HEAD + "%.0s%.0s}")
"""With cost, with revenue, with neither: all take the same values."""
_BROKEN: tuple[Callable[[bytes], bytes], ...] = (
    lambda record: record[: len(record) // 2],
    lambda record: record.replace(b'"ad_id"', b'"ad"'),
    lambda record: record.replace(b'"event_time":', b'"event_time":"').replace(b',"event_type"', b'","event_type"'),
    lambda record: record.replace(b'"event_type":"', b'"event_type":"x'),
    lambda record: record[:-1] + b',"cost":0.00000001}',
    lambda record: record[:-1] + b',"cost":NaN}',
    lambda record: record.replace(b'"ad-', b'"ad-\xff'),
    lambda record: b"[" + record + b"]",
    lambda record: b"",
    lambda record: record.replace(b'"event_time":', b'"event_time":9'),
)
"""Ways in which a record is broken; the last is an event from the far future."""


@dataclass(frozen=True)
class AdStream:
    """Ad events as the shipped pipeline reads them: JSON records in `partitions` source partitions.

    `rate` is how many records a second of stream time brings, over all partitions and on average: it swings over the
    day and in bursts of two minutes. Partition 0 gets most, and each next one is slower to deliver. About 1 % of the
    records are 10 to 90 s late, 1 % are duplicates of one of the last 64 offsets, 0.2 % are broken, 0.1 % are of
    unknown ads; 10 % have no user, 20 % of the conversions no revenue.
    """

    seed: int = 0
    partitions: int = 4
    rate: float = 10_000.0
    start_ms: int = 0

    def share(self, partition: int) -> float:
        """The part of all records that `partition` gets; all shares are 1 together."""
        weights = [1 / (3 + p) for p in range(self.partitions)]
        return weights[partition] / sum(weights)

    def counts(self, total: int) -> list[int]:
        """`total` records split over the partitions by their shares."""
        whole = [int(total * self.share(p)) for p in range(self.partitions)]
        whole[0] += total - sum(whole)
        return whole

    def timestamps(self, partition: int, start: int, count: int) -> Int64s:
        """Record timestamps (ms since 1970, ascending) of offsets [start, start + count)."""
        return self._sent_ms(partition, np.arange(start, start + count, dtype=np.int64))

    def offset_at(self, partition: int, at_ms: int) -> int:
        """The first offset whose record timestamp is `at_ms` or later."""
        low, high = 0, 1
        while self.timestamps(partition, high, 1)[0] < at_ms:
            low, high = high, high * 2
        while low < high:
            middle = (low + high) // 2
            if self.timestamps(partition, middle, 1)[0] < at_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def records(self, partition: int, start: int, count: int) -> list[tuple[int, bytes]]:
        """(record timestamp, value) of offsets [start, start + count)."""
        stamps = self.timestamps(partition, start, count).tolist()
        return list(zip(stamps, self.values(partition, start, count), strict=True))

    def values(self, partition: int, start: int, count: int) -> list[bytes]:
        """The JSON records of offsets [start, start + count)."""
        if count <= 0:
            return []
        offsets = np.arange(start, start + count, dtype=np.int64)
        draw = self._draws(partition, offsets, lane=0)
        back = (draw >> np.uint64(32)) % np.uint64(RECENT) + np.uint64(1)
        duplicate = (draw % np.uint64(100) == 0) & (offsets >= RECENT)
        original = np.where(duplicate, offsets - back.astype(np.int64), offsets)
        values = self._render(partition, original)
        for at in np.flatnonzero(self._draws(partition, original, lane=1) % np.uint64(500) == 0).tolist():
            values[at] = _BROKEN[int(original[at]) % len(_BROKEN)](values[at])
        return values

    def _render(self, partition: int, offsets: Int64s) -> list[bytes]:
        ids = self._draws(partition, offsets, lane=2)
        kind_draw = self._draws(partition, offsets, lane=3) % np.uint64(1000)
        kinds = (kind_draw >= 700).astype(np.int8) + (kind_draw >= 950)
        ad_draw = self._draws(partition, offsets, lane=4)
        ads = np.searchsorted(self._ad_limits, ad_draw >> np.uint64(33), side="right")
        unknown = ad_draw % np.uint64(1000) == 0
        ads = np.where(unknown, ADS + ads % 10, ads)
        user_draw = self._draws(partition, offsets, lane=5)
        user_part = _unit(user_draw)
        users = np.where(user_draw % np.uint64(10) == 0, USERS, (user_part * user_part * USERS).astype(np.int64))
        micros, forms = self._money(kinds, self._draws(partition, offsets, lane=6))
        whole, rest = np.divmod(micros, 1_000_000)
        columns = zip(
            ids.tolist(),
            self._event_ms(partition, offsets).tolist(),
            map(_TYPES.__getitem__, kinds.tolist()),
            map(_AD_NAMES.__getitem__, ads.tolist()),
            map(_USER_PARTS.__getitem__, users.tolist()),
            whole.tolist(),
            rest.tolist(),
            strict=True,
        )
        # One text for all: encoded and cut once, not record by record.
        return "\n".join(map(str.__mod__, map(_RECORDS.__getitem__, forms.tolist()), columns)).encode().split(b"\n")

    def _money(self, kinds: npt.NDArray[np.int8], draw: UInt64s) -> tuple[Int64s, npt.NDArray[np.int64]]:
        """Amount in millionths, and the form of the record that carries it."""
        part = _unit(draw)
        impression = 200 + (part * 19_800).astype(np.int64)
        click = 50_000 + (part * part * 2_450_000).astype(np.int64)
        conversion = 1_000_000 + (part * part * part * 250_000_000).astype(np.int64)
        forms = np.where(kinds < 2, 0, np.where(draw % np.uint64(5) == 0, 2, 1))
        return np.choose(kinds, [impression, click, conversion]), forms

    def _event_ms(self, partition: int, offsets: Int64s) -> Int64s:
        """When the event happened: before its record was sent, by the partition's usual delay, or late."""
        draw = self._draws(partition, offsets, lane=7)
        part = _unit(draw)
        usual_ms = 5 + 60 * partition + (part * part * (600 + 400 * min(partition, 7))).astype(np.int64)
        late_ms = np.where(draw % np.uint64(100) == 0, 10_000 + (part * 80_000).astype(np.int64), 0)
        return self._sent_ms(partition, offsets) - usual_ms - late_ms

    def _sent_ms(self, partition: int, offsets: Int64s) -> Int64s:
        """Stream time of an offset: even steps, bent by the day and by bursts, never backwards.

        Only steps that IEEE 754 defines to the last bit, so that every machine gets the same stream.
        """
        even_ms = offsets * (1000.0 / (self.rate * self.share(partition)))
        bent = _DAY_SWING * DAY_MS * _wave(even_ms / DAY_MS) + _BURST_SWING * BURST_MS * _wave(even_ms / BURST_MS)
        return self.start_ms + np.floor(even_ms + bent / 6.5).astype(np.int64)

    @cached_property
    def _ad_limits(self) -> UInt64s:
        """Upper limits, out of 2^31, between the ads: ad n is drawn in proportion to 1 / (n + 1)."""
        cumulated = np.cumsum(1.0 / np.arange(1, ADS + 1))
        limits: UInt64s = (cumulated / cumulated[-1] * (1 << 31)).astype(np.uint64)
        return limits[:-1]

    def _draws(self, partition: int, offsets: Int64s, lane: int) -> UInt64s:
        """64 random bits per offset, independent per lane: no state, so any offset can be drawn at once."""
        key = self.seed * 0xD1342543DE82EF95 + partition * 0xA0761D6478BD642F + lane * 0xE7037ED1A0B428DB
        if lane == 2:
            key += self.start_ms * 0x8EBC6AF09C88C6E3
        return _mix(_mix(offsets.astype(np.uint64) * np.uint64(_GAMMA) + np.uint64(key % (1 << 64))))


def _mix(x: UInt64s) -> UInt64s:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _unit(draw: UInt64s) -> Doubles:
    """The upper 52 bits as a number in [0, 1)."""
    return (draw >> np.uint64(12)).astype(np.float64) * 2.0**-52


def _wave(turns: Doubles) -> Doubles:
    """A cosine of `turns` less 1, from a table: 0 and level at the start."""
    at = (turns - np.floor(turns)) * 4096.0
    step = at.astype(np.int64)
    low: Doubles = _WAVE[step]
    return low + (_WAVE[step + 1] - low) * (at - step)
