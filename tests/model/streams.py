"""Hypothesis strategies: streams that stand on the edges of the rules, and ways to cut them."""

import json
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.model import small
from tests.model.spec import PipelineSpec, Record

BROKEN: tuple[bytes | None, ...] = (
    None,
    b"",
    b"\xff{}",
    b"{",
    b'{"id":"q"} {}',
    b'\xef\xbb\xbf{"id":"q"}',
    b'{"id":NaN}',
    b'{"id":"\\ud800"}',
    b"[1]",
    b"{}",
    b'{"id":"q","time":1}',
    b'{"id":"q","time":"1","kind":"a"}',
    b'{"id":"q","time":1.0,"kind":"a"}',
    b'{"id":"q","time":1e1,"kind":"a"}',
    b'{"id":"q","time":9223372036854775808,"kind":"a"}',
    b'{"id":"q","time":null,"kind":"a"}',
    b'{"id":"","time":900,"kind":"a"}',
    b'{"id":"123456789","time":900,"kind":"a"}',
    b'{"id":"q","time":900,"kind":"d"}',
    b'{"id":"q","time":900,"kind":"a","cost":0.0000001}',
    b'{"id":"q","time":900,"kind":"a","cost":"1"}',
    b'{"id":"q","time":900,"kind":"a","cost":1000000000000}',
    b'{"id":"q","time":900,"kind":"a","user":true}',
    b'{"id":"q","time":900,"kind":"a","day":"2023-02-29"}',
)
"""Records that are no events; those with time 900 would move every watermark if they were valid."""

MONEY_TEXTS = ("0", "1", "0.5", "0.1000000", "1e3", "-2.25", "999999999999.999999", "0.000001", "-0", "12E-1")
SCORE_TEXTS = ("0", "0.0", "1", "0.5", "-2", "1e3", "250.75", "-0.001", "3")


@st.composite
def _event(draw: st.DrawFn, time: int) -> bytes:
    """One valid record at `time`, written as a producer might."""
    members = {
        "id": json.dumps(draw(st.sampled_from("abcdefgh"))),
        "time": str(time),
        "kind": json.dumps(draw(st.sampled_from(small.KINDS))),
    }
    ad = draw(st.sampled_from((*small.ADS, None)))
    if ad is not None:
        members["ad"] = json.dumps(ad, ensure_ascii=draw(st.booleans()))
    optional: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("user", ("1", "2", "3", "-9223372036854775808", "9223372036854775807", "null")),
        ("cost", MONEY_TEXTS),
        ("revenue", (*MONEY_TEXTS, "null")),
        ("flag", ("true", "false", "null")),
        ("score", (*SCORE_TEXTS, "null")),
        ("day", (*(f'"{day.isoformat()}"' for day in small.DAYS), "null")),
        ("more", ('{"deep":[1,{}]}', "1e400")),
    )
    present = draw(st.integers(0, 2 ** len(optional) - 1))
    for at, (name, texts) in enumerate(optional):
        if present >> at & 1:
            members[name] = draw(st.sampled_from(texts))
    return ("{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}").encode()


def edges(spec: PipelineSpec) -> list[int]:
    """Times and steps at which some rule of `spec` changes its mind."""
    found = {0, 1, -1}
    for rollup in spec.rollups:
        size, slide, lateness = rollup.window.size, rollup.window.slide, rollup.lateness
        for span in (size, slide, size + lateness + spec.bound, slide + lateness + spec.bound, lateness, spec.bound):
            found |= {span - 1, span, span + 1, -span, -span - 1, 2 * span, 2 * span - 1}
        found |= {rollup.window.offset, rollup.window.offset - 1}
    horizon = spec.dedup_horizon + spec.bound
    found |= {horizon - 1, horizon, horizon + 1}
    return sorted(found)


@st.composite
def partition_records(draw: st.DrawFn, spec: PipelineSpec, timestamps: bool, max_size: int = 30) -> list[Record]:
    """Records of one source partition: a clock that steps forward, back and to edges; repeats; broken ones; holes."""
    moves = st.sampled_from(edges(spec))
    clock = draw(moves)
    records: list[Record] = []
    offset = 0
    events: list[tuple[int, bytes]] = []
    for _ in range(draw(st.integers(0, max_size))):
        what = draw(st.sampled_from("ssssssaaarrb"))
        value: bytes | None
        if what == "b":
            value, time = draw(st.sampled_from(BROKEN)), clock
        elif what == "r" and events:
            time, value = draw(st.sampled_from(events[-6:]))
        else:
            if what == "a":
                clock = draw(moves)
                time = clock
            else:
                time = clock + draw(st.sampled_from((0, 1, 1, 2, 3, 5, -1, -2, -4, -9)))
                clock = max(clock, time)
            value = draw(_event(time))
            events.append((time, value))
        timestamp = time - draw(st.sampled_from((0, 0, 0, 0, 5, 6, -3))) if timestamps else None
        records.append(Record(offset, value, timestamp))
        offset += draw(st.sampled_from((1, 1, 1, 1, 3))) if timestamps else 1
    return records


@st.composite
def streams(draw: st.DrawFn, spec: PipelineSpec, *, timestamps: bool = True) -> dict[str, list[Record]]:
    """One to four source partitions; later ones may be idle or run far ahead of the others."""
    count = draw(st.integers(1, 4))
    made: dict[str, list[Record]] = {}
    for number in range(count):
        size = 30 if number == 0 else draw(st.sampled_from((0, 3, 15)))
        made[f"topic/{number}"] = draw(partition_records(spec, timestamps, size))
    return made


@dataclass(frozen=True)
class Cuts:
    """How records reach the tables: steps, in order; what they leave over is read at the end.

    `steps`: ("poll", partition number, records), ("epoch", 0, 0), ("restart", workers, 0) or ("rules", number, 0), a
    restart with the rules of that number.
    """

    steps: tuple[tuple[str, int, int], ...] = ()


def cuts(rules: int = 0) -> st.SearchStrategy[Cuts]:
    """Batch sizes, interleavings of partitions, ends of epochs, restarts with another number of workers.

    With so many `rules` to choose from, restarts with others as well.
    """
    poll = st.tuples(st.just("poll"), st.integers(0, 3), st.sampled_from((1, 1, 2, 3, 7, 100)))
    epoch = st.tuples(st.just("epoch"), st.just(0), st.just(0))
    restart = st.tuples(st.just("restart"), st.sampled_from((1, 2, 4)), st.just(0))
    kinds: list[st.SearchStrategy[tuple[str, int, int]]] = [poll, poll, poll, epoch, restart]
    if rules:
        kinds += [poll, epoch, st.tuples(st.just("rules"), st.integers(0, rules - 1), st.just(0))]
    step = st.one_of(kinds)
    return st.lists(step, max_size=25).map(lambda steps: Cuts(tuple(steps)))
