"""Made-up topics: samples of records that nobody described, and any objects at all."""

import json
import random
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from starter.sample import Sample, Stretch, Taken

T0_MS = 1_772_400_000_000
"""2026-03-01 21:20 UTC."""


def record(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def sample(*values: bytes | None, stamps_ms: Sequence[int | None] | None = None, partition: str = "t/0") -> Sample:
    """One stretch."""
    stamps = [None] * len(values) if stamps_ms is None else stamps_ms
    return Sample((Stretch(partition, tuple(map(Taken, stamps, values))),))


def orders(count: int, seed: int = 1, **changed: Any) -> list[dict[str, Any]]:
    """Orders of shops: an id, a time in ms, money, a closed set, a nested object, an optional field."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        order: dict[str, Any] = {
            "order_id": f"o-{seed}-{number:06}",
            "ts": T0_MS + 250 * number - draw.choice([0, 0, 0, 40, 900]),
            "status": draw.choice(["placed", "paid", "cancelled"]),
            "shop": {"id": f"s-{draw.randrange(7)}", "city": draw.choice(["Utrecht", "Évora", "Łódź"])},
            "items": draw.randrange(1, 9),
            "amount": round(draw.random() * 90 + 1, 2),
            "tags": ["a"],
            **changed,
        }
        if draw.random() < 0.4:
            order["coupon"] = draw.choice(["SPRING", None])
        made.append(order)
    return made


KEYS = st.one_of(
    st.sampled_from(
        ["id", "event_id", "ts", "time", "offset", "Offset", "topic", "class", "date", "str", "amount", "type", "copy"]
    ),
    st.sampled_from(["_id", "@timestamp", "user-id", "userId", "USERID", "1st", "a.b", 'q"uote', "new\nline", "", "ﬁ"]),
    st.sampled_from(["Money", "Event", "event", "model_dump_x", "window_start", "late_count", "register", "price"]),
    st.text(max_size=12),
)

_INTS = st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1), st.integers(T0_MS - 10**6, T0_MS + 10**6))
_TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["a", "b", "2026-03-01", "2026-03-01T00:00:00Z", ""]))


@st.composite
def kinds(draw: Any, depth: int = 2) -> Any:
    """A strategy of the values at one key: of one JSON kind, perhaps null now and then."""
    decimal = st.decimals(-(10**6), 10**6, places=2, allow_nan=False).map(float)
    options = [st.booleans(), _INTS, st.floats(allow_nan=False, allow_infinity=False), decimal, _TEXTS, st.none()]
    options += [st.lists(st.integers(), max_size=2), st.sampled_from(["red", "green", "blue"])]
    kind = draw(st.sampled_from([*options, "object"] if depth else options))
    if kind == "object":
        kind = draw(shapes(depth - 1))
    return st.one_of(kind, kind, kind, st.none()) if draw(st.booleans()) else kind


@st.composite
def shapes(draw: Any, depth: int = 2) -> Any:
    """A strategy of objects: each key has values of one kind, and may be left out at times."""
    keys = draw(st.lists(KEYS, max_size=6, unique=True))
    members = {key: draw(kinds(depth)) for key in keys}
    optional = {key: value for key, value in members.items() if draw(st.booleans())}
    return st.fixed_dictionaries({k: v for k, v in members.items() if k not in optional}, optional=optional)


def objects(depth: int) -> st.SearchStrategy[Any]:
    return shapes(depth).flatmap(lambda shape: shape)


@st.composite
def streams(draw: Any) -> tuple[str, list[dict[str, Any]]]:
    """The event time's key, and the records of a topic that have it, and whatever else."""
    shape = draw(shapes())
    key = draw(st.sampled_from(["ts", "event_time", "created_at", "@timestamp", "time"]))
    divide = draw(st.sampled_from([1_000, 1, 0]))
    found = draw(st.lists(shape, min_size=1, max_size=40))
    times = [T0_MS + draw(st.integers(-(10**5), 10**5)) for _ in found]
    for each, at in zip(found, times, strict=True):
        each[key] = "2026-03-01T21:20:00+01:00" if divide == 0 else at // divide
    return key, found
