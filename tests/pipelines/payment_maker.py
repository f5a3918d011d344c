"""Seeded card payments, with all that goes wrong. Writes the samples: python -m tests.pipelines.payment_maker."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[2] / "pipelines" / "samples" / "payments"
"""What is shipped: a file a gateway, `samples()` of them."""

START = datetime(2026, 3, 1, 21, 30, tzinfo=UTC)

MERCHANTS = [
    ("m-01", "Bakkerij Zon", "NL", "grocery"),
    ("m-02", "Albergo Lido", "IT", "travel"),
    ("m-03", "Tasca do Zé", "PT", "dining"),
    ("m-04", "Rasthof 8", "DE", "fuel"),
    ("m-05", "Taberna Azul", "ES", "dining"),
    ("m-06", "Grand Hotel", "DE", "travel"),
    ("m-07", "Super Mário", "PT", "grocery"),
    ("m-08", "Isla Cars", "ES", "travel"),
    ("m-09", "Tank & Zo", "NL", "fuel"),
    ("m-10", "Mercato Uno", "IT", "grocery"),
    ("m-11", 'Café "Ö"', "NL", "dining"),
    ("m-99", "Pop-up, weekend", "NL", "dining"),  # in no dimension file
]
ZONES = {"NL": 60, "DE": 60, "IT": 60, "ES": 60, "PT": 0}
"""Minutes east of UTC, in winter."""

Change = Callable[[random.Random, dict[str, Any]], object]
"""Spoils a record in place, or returns the bytes to send instead of it."""


def _missing(name: str) -> Change:
    return lambda _, record: record.pop(name)


def _with(name: str, value: object) -> Change:
    return lambda _, record: record.update({name: value})


def _without_offset(_: random.Random, record: dict[str, Any]) -> None:
    record["time"] = record["time"][:19]


def _of_no_merchant_id(_: random.Random, record: dict[str, Any]) -> None:
    del record["merchant"]["id"]


def _of_lower_case_country(_: random.Random, record: dict[str, Any]) -> None:
    record["merchant"]["country"] = record["merchant"]["country"].lower()


def _cut_off(random_: random.Random, record: dict[str, Any]) -> bytes:
    whole = _bytes(record)
    return whole[: random_.randrange(1, len(whole) - 1)].rstrip(b"\xc3")


def _late_by(least: timedelta, most: timedelta) -> Change:
    def change(random_: random.Random, record: dict[str, Any]) -> None:
        at = datetime.fromisoformat(record["time"])
        record["time"] = (at - least - (most - least) * random_.random()).isoformat(timespec="seconds")

    return change


TROUBLE: tuple[Change, ...] = (
    _with("kind", "purchase"),
    _missing("merchant"),
    _without_offset,
    _late_by(timedelta(minutes=20), timedelta(hours=1)),  # late for windows of minutes, not for the day
    _with("value", "12.50"),
    _with("value", 0),
    _cut_off,
    _late_by(timedelta(hours=30), timedelta(hours=40)),  # late for everything
    _with("value", 12.3456789),
    _of_no_merchant_id,
    lambda _, __: b"",
    _with("brand", "Visa"),
    _of_lower_case_country,
    _with("offset", None),
    lambda _, __: b"[]",
)
"""In turns, so that a few hundred records have each."""


class Gateway:
    """An endless seeded stream of one gateway's records."""

    def __init__(self, seed: int, name: str, start: datetime = START, step: timedelta = timedelta(seconds=150)) -> None:
        self.random = random.Random(f"{seed} {name}")
        self.name = name
        self.clock = start
        self.step = step
        self.journal = 0
        self.sent: list[dict[str, Any]] = []
        self.cards = [f"card-{number:02d}" for number in self.random.sample(range(60), 14)]

    def records(self) -> Iterator[bytes]:
        """A ninth is trouble, some are sent again, the others are in order but for a minute."""
        number = 0
        while True:
            self.clock += self.step * self.random.choice((0.05, 0.1, 0.2, 0.5, 1, 1, 1, 2, 5))
            record = self.record()
            if number % 9 == 8:
                instead = TROUBLE[number // 9 % len(TROUBLE)](self.random, record)
                yield instead if isinstance(instead, bytes) else _bytes(record)
            else:
                yield _bytes(record)
                self.sent.append(record)
            if self.random.random() < 0.05:  # a terminal that got no answer
                yield _bytes(self.random.choice(self.sent[-5:]))
            number += 1

    def record(self) -> dict[str, Any]:
        """The next one, as it should be."""
        random_ = self.random
        self.journal += 1
        kind = random_.choices(("payment", "refund", "chargeback"), (84, 12, 4))[0]
        paid = [each for each in self.sent[-60:] if each["kind"] == "payment"]
        earlier = random_.choice(paid) if kind != "payment" and paid else None
        id_, name, country, category = random_.choice(MERCHANTS)
        at = self.clock - timedelta(milliseconds=random_.choice((0, 0, 0, random_.randrange(55_000))))
        local = at.astimezone(timezone(timedelta(minutes=ZONES[country])))
        record: dict[str, Any] = {
            "payment_id": f"{self.name}-{self.journal:05d}",
            "time": _text(random_, local),
            "kind": kind,
            "value": random_.randrange(150, 25_000) / 100,
            "brand": random_.choice(("visa", "visa", "mastercard", "amex")),
            "card_id": random_.choice(self.cards),
            "offset": self.journal,
            "merchant": {"id": id_, "name": name, "country": country, "category": category},
        }
        if random_.random() < 0.2:
            record["tip"] = random_.choice((0.5, 1, 2.05))
        if earlier is not None:
            record |= {each: earlier[each] for each in ("value", "brand", "card_id", "merchant")}
            record["merchant"] = dict(earlier["merchant"])
            record["refund_of"] = random_.choice((earlier["payment_id"], earlier["payment_id"], None))
        if random_.random() < 0.1:
            record["terminal"] = {"firmware": "4.2"}  # nobody asks for it
        return record


def _text(random_: random.Random, at: datetime) -> str:
    """RFC 3339, as the makers of terminals write it."""
    if random_.random() < 0.5:
        return at.isoformat(timespec="milliseconds")
    text = at.isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


def _bytes(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def stream(seed: int, name: str, count: int, **options: Any) -> list[bytes]:
    """The first `count` records of a gateway."""
    records = Gateway(seed, name, **options).records()
    return [next(records) for _ in range(count)]


def samples() -> dict[str, bytes]:
    """File name -> content of what is shipped."""
    made = {"gateway-a": stream(7, "a", 180), "gateway-b": stream(7, "b", 160)}
    return {f"{name}.ndjson": b"".join(record + b"\n" for record in records) for name, records in made.items()}


def main() -> None:
    """Write the samples."""
    SAMPLES.mkdir(parents=True, exist_ok=True)
    for name, content in samples().items():
        (SAMPLES / name).write_bytes(content)


if __name__ == "__main__":
    main()
