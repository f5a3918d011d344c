"""Hostile ad events: valid ones in every spelling, broken ones in every way known. Seeded, plain Python.

`records` serves the decoder's tests, `stream` whoever sends a whole source partition through the pipeline; what each
record is worth is not said here: the contract (or a model of it) decides.
"""

import json
import random
from collections.abc import Callable

BASE_MS = 1_734_501_600_000

VALUES = [
    b"null", b"true", b"false", b"0", b"-0", b"-1", b"1", b"1.0", b"5.0", b"-0.0", b"1e3", b"1E+2", b"1e-7",
    b"0.1000000", b"0.0000001", b"0.000001", b"123456789012.123456", b"999999999999.999999", b"1000000000000",
    b"-999999999999.9999990", b"1.0000000000000000001", b"0e99999999999999999999", b"1e400", b"1e-400",
    b"1e99999999999999999999", b"9" * 19, b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808",
    b"-9223372036854775809", b"18446744073709551616", b"1" * 60, b"7" * 5000, b"0." + b"0" * 80,
    b"1" + b"0" * 40 + b"e-40", b'""', b'"5"', b'"1e3"', b'"click"', b'"Click"', b'"click "', b'"\\u0063lick"',
    b'"conversion"', b'"\\u0000"', b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\\udc00"', b'"\\ud83d\\u0041"',
    b'"\\ud83d\\ud83d"', b'"\\uD83D"', b'"\\u12"', b'"\\q"', b'"\\/"', b'"a\\"b"', b'"}"', b'"\\\\"',
    b'"{\\"a\\":1}"', "\"\u00e4\u00f6\U0001f600\"".encode(), b'"' + b"x" * 64 + b'"', b'"' + b"x" * 65 + b'"',
    b'"' + "\u00e4".encode() * 64 + b'"', b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"',
    b'"\xe2\x82"', b'"a\x00b"', b'"a\nb"', b'"a\tb"', b'"a\x1fb"', b'"a\x7fb"', b"[]", b"{}", b"[1,2]",
    b'{"a":{"b":[]}}', b"[1,]", b'{"a":1,}', b"{1:2}", b"{'a':1}", b"NaN", b"Infinity", b"-Infinity", b"nan",
    b"None", b"True", b"undefined", b"01", b"-01", b"+1", b"1.", b".5", b"1e", b"1e+", b"-", b"--1", b"0x1F",
    b"1_000", b"1 2", b"tru", b"truee", b'"abc', b"", b"/* c */ 1", b'{"\\ud800":1}', b'{"a":NaN}', b'["\\udfff"]',
    b"[" * 62 + b"]" * 62, b"[" * 63 + b"]" * 63, b"[" * 64 + b"]" * 64, b"[" * 70 + b"]" * 70,
    b'{"a":' * 80 + b"1" + b"}" * 80, b"[" * 2000 + b"]" * 2000, b"[" * 200, b'"' + b"[" * 100 + b'"',
    b'"' + b"{" * 100 + b'"', b'"2024-01-01"', b'"2024-02-30"', b'"1734501600000"', b'"2024-12-18T06:00:00Z"',
    b'"2024-12-18T06:00:00.1239+01:00"',
]  # fmt: skip
"""JSON values, and things that only look like it; put in place of a field's value."""

WHOLES = [
    b"", b" ", b"\n", b"null", b"true", b"1", b'"text"', b"[]", b"[{}]", b"{}", b"{", b"}", b"{}{}", b"{}\n{}",
    b"{},", b"NaN", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"{\x00}\x00", b"\x00", b"\xff", b"[" * 100_000,
    b"[" * 64 + b"]" * 64, b"[" * 65 + b"]" * 65, b'{"a":1', b'{"a"}', b'{"a":}', b'{,"a":1}', b"{a:1}",
    b"event_id=1", b"<a/>", b'"', b"\\", b"\x1e{}", b'{"event_id"', b"// c\n{}", b"\xc2\xa0{}", b"\x0c{}", b"-",
    b"0", b"[1,2,3]", b'["a":1]', b"{} {}", b"{}x",
]  # fmt: skip
"""Whole records."""

FAR_MS = 9_000_000_000_000_000
"""No valid event time is further from 1970."""

STEP_MS = 10
"""Between the record timestamps of two neighbours in a stream."""

KEYS = ["event_id", "event_time", "event_type", "ad_id", "user_id", "cost", "revenue", "Event_Id", "extra", ""]


def valid(rng: random.Random, at: int) -> dict[str, bytes]:
    """The members of one valid ad event, as JSON text per key."""
    members = {
        "event_id": b'"e%09d"' % at,
        "event_time": b"%d" % (BASE_MS + at * STEP_MS - rng.randrange(20_000)),
        "event_type": rng.choice([b'"impression"', b'"click"', b'"conversion"']),
        "ad_id": b'"ad-%04d"' % rng.randrange(600),
    }
    if rng.random() < 0.7:
        members["user_id"] = rng.choice([b'"u%d"' % rng.randrange(1_000), b"null", '"\u00fc\u6f22"'.encode()])
    if rng.random() < 0.7:
        members["cost"] = rng.choice([b"0", b"0.25", b"1e-3", b"0.123456", b"12.5000000", b"-3", b"1E1"])
    if rng.random() < 0.4:
        members["revenue"] = rng.choice([b"null", b"10", b"99.999999", b"0.1"])
    if rng.random() < 0.2:
        members["extra"] = rng.choice([b'{"a":[1,{"b":null}]}', b'"\\u00e4\\n"', b"1e999", b"[]", b'"[{"'])
    return members


def text(rng: random.Random, members: list[tuple[str, bytes]]) -> bytes:
    """The members as one JSON object, spaced and ordered in some legal way."""
    style = rng.random()
    if style < 0.2:
        rng.shuffle(members)
    gap, edge = (
        (b"", b"") if style < 0.8 else (rng.choice([b" ", b"\n", b"\t", b"\r\n  "]), rng.choice([b"", b"\n", b" "]))
    )
    parts = [gap + json.dumps(key).encode() + gap + b":" + gap + value for key, value in members]
    return edge + b"{" + (gap + b",").join(parts) + gap + b"}" + edge


def _swapped_value(rng: random.Random, at: int) -> bytes:
    members = valid(rng, at)
    members[rng.choice(KEYS)] = rng.choice(VALUES)
    return text(rng, list(members.items()))


def _dropped_or_renamed(rng: random.Random, at: int) -> bytes:
    members = valid(rng, at)
    value = members.pop(rng.choice(list(members)))
    if rng.random() < 0.5:
        members[rng.choice(KEYS)] = value
    return text(rng, list(members.items()))


def _repeated_key(rng: random.Random, at: int) -> bytes:
    members = list(valid(rng, at).items())
    key = rng.choice(KEYS)
    members.insert(rng.randrange(len(members) + 1), (key, rng.choice(VALUES)))
    return text(rng, members)


def _damaged(rng: random.Random, at: int) -> bytes:
    record = bytearray(text(rng, list(valid(rng, at).items())))
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        place = rng.randrange(len(record) or 1)
        kind = rng.randrange(5)
        if kind == 0 and record:
            record[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del record[place : place + rng.choice([1, 1, 2, 8])]
        elif kind == 2:
            record[place:place] = rng.choice(
                [b"\n", b'"', b"\\", b"{", b"}", b"[", b",", b":", b"\x00", b"\xff", b"0", b"-", b" "]
            )
        elif kind == 3:
            record = record[:place]
        else:
            record[place:place] = record[place : place + rng.randrange(1, 12)]
    return bytes(record)


def _glued(rng: random.Random, at: int) -> bytes:
    one, two = (text(rng, list(valid(rng, at).items())) for _ in range(2))
    return one + rng.choice([b"", b"\n", b",", b" ", b"\x00", b"\x1e"]) + two


def _encoded(rng: random.Random, at: int) -> bytes:
    record = text(rng, list(valid(rng, at).items())).decode()
    return record.encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig"]))


def _again(rng: random.Random, at: int) -> bytes:
    """An id that was there before: inside the horizon a duplicate, beyond it a new event, whatever else it says."""
    members = valid(rng, at)
    members["event_id"] = b'"e%09d"' % max(0, at - rng.choice([1, 1, 2, 50, 5_000, 59_000, 61_000, 120_000]))
    return text(rng, list(members.items()))


def _at_odd_time(rng: random.Random, at: int) -> bytes:
    """Around the lateness, the future guard and the ends of time."""
    members = valid(rng, at)
    now_ms = BASE_MS + at * STEP_MS
    odd_ms = rng.choice(
        [
            now_ms - 5_000, now_ms - 64_000, now_ms - 65_000, now_ms - 66_000, now_ms - rng.randrange(600_000),
            now_ms + 300_000, now_ms + 300_001, now_ms + rng.randrange(300_001, 10**9), 0, -1, 1_000, -FAR_MS,
            -FAR_MS - 1, FAR_MS, FAR_MS + 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), now_ms // 1_000, now_ms * 1_000,
            now_ms // 60_000 * 60_000, now_ms // 60_000 * 60_000 - 1,
        ]
    )  # fmt: skip
    members["event_time"] = b"%d" % odd_ms
    return text(rng, list(members.items()))


def _bulky(rng: random.Random, at: int) -> bytes:
    """A record many times larger than its neighbours, not always a broken one."""
    members = valid(rng, at)
    size = rng.randrange(1_000, 100_000)
    members[rng.choice(["extra", "extra", "user_id", "ad_id"])] = rng.choice(
        [
            b'"' + b"x" * size + b'"',
            b"[" + b"0," * (size // 2) + b"0]",
            b"{" + b",".join(b'"%d":null' % number for number in range(size // 10)) + b"}",
            b"1" * size,
            b'"' + b"\\u0041" * (size // 6) + b'"',
        ]
    )
    return text(rng, list(members.items()))


_MAKERS: list[Callable[[random.Random, int], bytes]] = [
    _swapped_value, _swapped_value, _swapped_value, _dropped_or_renamed, _repeated_key, _damaged, _damaged, _glued,
    _encoded, _again, _at_odd_time,
]  # fmt: skip


def records(rng: random.Random, n: int, broken: float = 0.5) -> list[bytes | None]:
    """`n` record values, a share of about `broken` tampered with (some of those still valid); None is a tombstone."""
    made: list[bytes | None] = []
    while len(made) < n:
        at = len(made)
        if rng.random() >= broken:
            made.append(text(rng, list(valid(rng, at).items())))
            continue
        chance = rng.random()
        if chance < 0.02:
            made.append(None)
        elif chance < 0.12:
            made.append(rng.choice(WHOLES))
        elif chance < 0.122:
            made.append(_bulky(rng, at))
        elif chance < 0.2:
            # One value over two records: each half is broken, and joined by mistake they would be whole.
            record = text(rng, list(valid(rng, at).items()))
            cut = rng.randrange(1, len(record))
            made.extend([record[:cut], record[cut:]])
        else:
            made.append(rng.choice(_MAKERS)(rng, at))
    return made[:n]


def stream(seed: str, count: int, broken: float = 0.5, *, leap: bool = False) -> list[tuple[bytes | None, int]]:
    """One source partition: `count` pairs of value and record timestamp (ms, rising).

    Its first event lies as far back as an event time can. With `leap`, a record of the last twentieth stands at the
    far end of time, by its own timestamp too: it is no future event, and all that follows is behind it.
    """
    rng = random.Random(seed)
    made: list[tuple[bytes | None, int]] = [
        (value, BASE_MS + at * STEP_MS) for at, value in enumerate(records(rng, count, broken))
    ]
    for at, far_ms in [(0, -FAR_MS), *([(count - count // 20 - 1, FAR_MS)] if leap else [])]:
        members = valid(rng, at) | {"event_time": b"%d" % far_ms, "event_id": b'"far"'}
        made[at] = (text(rng, list(members.items())), max(far_ms, made[at][1]))
    return made
