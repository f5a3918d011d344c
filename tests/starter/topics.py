"""Topics of many kinds, as one meets them: per partition, values and record timestamps (ms)."""

import random
from typing import Any

from dataflow.sources.generator.adstream import AdStream
from tests.pipelines import payment_maker
from tests.starter.streams import T0_MS, orders, record

Topic = list[tuple[list[bytes | None], list[int]]]

SENT_MS = T0_MS + 10**9
"""After all events of the payments."""


def plain_orders() -> Topic:
    made = orders(6_000)
    parts = [made[number::3] for number in range(3)]
    return [([record(each) for each in part], [each["ts"] + 20 for each in part]) for part in parts]


def ads() -> Topic:
    stream = AdStream(seed=11, partitions=4, rate=200.0, start_ms=T0_MS)
    parts = [stream.records(number, 0, count) for number, count in enumerate(stream.counts(8_000))]
    return [([value for _, value in part], [stamp for stamp, _ in part]) for part in parts]


def payments() -> Topic:
    """Nested merchants, times as text with a zone, and a ninth of the records is trouble."""
    parts = [payment_maker.stream(5, name, 600) for name in ("a", "b")]
    return [([*part], [SENT_MS] * len(part)) for part in parts]


def epoch_seconds() -> Topic:
    """Sensors with the time in whole seconds, and floats."""
    draw = random.Random(2)
    seconds = range(T0_MS // 1_000, T0_MS // 1_000 + 2_000)
    made = [
        {"sensor": f"s-{draw.randrange(12)}", "time": at, "temperature": draw.random() * 40, "ok": at % 7 > 0}
        for at in seconds
    ]
    return [([record(each) for each in made], [1_000 * at + 300 for at in seconds])]


def one_in_twenty_broken() -> Topic:
    draw = random.Random(4)
    made: list[bytes | None] = [record(each) for each in orders(2_000, seed=9)]
    for number in range(0, 2_000, 20):
        value = made[number] or b""
        broken = [
            value[:30],
            b"",
            None,
            b"[]",
            b'{"hello": "world"}',
            b"\xff\xfe",
            value.replace(b'"amount": ', b'"amount": "x", "was": '),
        ]
        made[number] = draw.choice(broken)  # fmt: skip
    return [(made, [T0_MS + 250 * number for number in range(2_000)])]


def three_records() -> Topic:
    made = orders(3)
    return [([record(each) for each in made], [each["ts"] for each in made])]


def two_kinds() -> Topic:
    """Page views and purchases, which share little."""
    draw = random.Random(6)
    made: list[dict[str, Any]] = []
    for n in range(1_500):
        event: dict[str, Any] = {"type": "view" if n % 3 else "purchase", "at": T0_MS + 100 * n, "user_id": n % 90}
        if event["type"] == "view":
            event["page"] = {"path": draw.choice(["/", "/cart", "/shop"]), "load_ms": draw.randrange(900)}
        else:
            event |= {"order_id": f"o{n}", "total": draw.randrange(10_000) / 100, "items": [1, 2]}
        made.append(event)
    return [([record(each) for each in made], [each["at"] for each in made])]
