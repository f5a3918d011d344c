"""Record batches taken apart, against batches that the test has written itself."""

import random
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.event.record_part import KEY, TOPIC, header_column
from dataflow.sources.kafka.direct.batches import Batches, Expanded, kernels
from dataflow.sources.kafka.direct.memory import Memory
from dataflow.sources.kafka.direct.records import drained
from tests.dataflow.sources.kafka.direct import encoded
from tests.dataflow.sources.kafka.direct.encoded import (
    GZIP,
    LOG_APPEND,
    LZ4,
    NONE,
    SNAPPY,
    TRANSACTIONAL,
    XERIAL,
    ZSTD,
    Record,
    batch,
    marker,
)

CODECS = (NONE, GZIP, SNAPPY, SNAPPY + XERIAL, LZ4, ZSTD)
Row = tuple[int, int, bytes | None]


def expanded(
    data: bytes, from_offset: int = 0, aborted: Sequence[tuple[int, int]] = (), *, before: bytes = b"head"
) -> Expanded:
    batches = Batches(kernels().result(), Memory(), tells_parts=True)
    body = np.frombuffer(before + data + b"behind", np.uint8).copy()
    pairs = np.array([number for pair in aborted for number in pair], np.int64)
    scanned = batches.scan(body, (len(before), len(before) + len(data)), from_offset, pairs)
    return batches.expand(body, scanned)


def rows(found: Expanded) -> list[Row]:
    if found.records is None:
        return []
    told = drained("ads", [(found.records, 0, len(found.records))], ())
    assert told.values.type == pa.binary_view()
    told.values.validate(full=True)
    return list(zip(told.offsets.tolist(), told.timestamps.tolist(), told.values.to_pylist(), strict=True))


_values = st.none() | st.binary(max_size=40) | st.binary(min_size=200, max_size=300)
_records = st.lists(
    st.builds(
        Record,
        st.just(0),
        _values,
        st.none() | st.binary(max_size=20),
        st.integers(-(2**40), 2**40),
        st.lists(st.tuples(st.sampled_from(["a", "b", "é"]), st.none() | st.binary(max_size=9)), max_size=3),
    ),
    max_size=12,
)


@given(
    st.lists(st.tuples(_records, st.sampled_from(CODECS), st.booleans(), st.integers(0, 3)), max_size=5),
    st.integers(0, 40),
)
def test_records_of_every_codec_come_with_all_that_they_have(
    told: list[tuple[list[Record], int, bool, int]], from_offset: int
) -> None:
    data, base, rows_wanted, keys, headers = b"", 5, [], [], []
    for each, codec, append_time, hole in told:
        spaced = [Record(at * (hole + 1), r.value, r.key, r.time_delta, r.headers) for at, r in enumerate(each)]
        last = (len(spaced) * (hole + 1)) + hole
        flags = LOG_APPEND * append_time
        data += batch(base, spaced, codec=codec, flags=flags, last_delta=last, times=(7, 77))
        for r in spaced:
            if base + r.delta >= from_offset:
                rows_wanted.append((base + r.delta, 77 if append_time else 7 + r.time_delta, r.value))
                keys.append(r.key)
                headers.append(dict(r.headers).get("é"))
        base += last + 1
    found = expanded(data, from_offset)
    assert rows(found) == rows_wanted
    assert found.trouble is None
    assert found.next_offset == (max(base, from_offset) if told else from_offset)
    if found.records is not None:
        beside = drained("ads", [(found.records, 0, len(found.records))], [KEY, TOPIC, header_column("é")])
        assert beside.values.type == pa.binary()
        assert beside.beside[KEY].to_pylist() == keys
        assert beside.beside[header_column("é")].to_pylist() == headers
        assert set(beside.beside[TOPIC].to_pylist()) == {"ads"}


@pytest.mark.parametrize("codec", CODECS)
def test_large_batches_and_very_small_ones_are_taken_alike(codec: int) -> None:
    made = random.Random(codec)
    values = [
        made.choice([b'{"user": %d}', b"%d"]) % made.randrange(10**9) * made.randrange(1, 9) for _ in range(9_000)
    ]
    large = batch(0, [Record(at, value) for at, value in enumerate(values[:6_000])], codec=codec)
    small = b"".join(batch(6_000 + at, [Record(0, value)], codec=codec) for at, value in enumerate(values[6_000:]))
    # far smaller than what becomes of it
    zeros = batch(9_000, [Record(0, bytes(1_000_000)), Record(1, b"end")], codec=codec)
    found = expanded(large + small + zeros)
    assert [value for _, _, value in rows(found)] == [*values, bytes(1_000_000), b"end"]
    assert found.next_offset == 9_002


def test_what_is_cut_off_at_the_end_is_asked_for_again() -> None:
    whole, second = batch(0, [Record(0, b"a"), Record(1, b"b")]), batch(2, [Record(0, b"c")])
    for size in range(len(second)):
        found = expanded(whole + second[:size])
        assert ([value for _, _, value in rows(found)], found.next_offset, found.trouble) == ([b"a", b"b"], 2, None)


@pytest.mark.parametrize("codec", CODECS)
def test_a_changed_byte_ends_it_at_the_exact_offset(codec: int) -> None:
    first = batch(0, [Record(0, b"a"), Record(1, b"b")])
    second = batch(2, [Record(0, b"c" * 50)], codec=codec)
    for at in range(21, len(second)):
        changed = bytearray(second)
        changed[at] ^= 4
        found = expanded(first + bytes(changed))
        assert found.next_offset == 2
        assert found.trouble is not None
        assert "checksum" in found.trouble
        assert [value for _, _, value in rows(found)] == [b"a", b"b"]


def test_an_old_format_and_an_unknown_one_end_it() -> None:
    first, old = batch(0, [Record(0, b"a")]), bytearray(batch(1, [Record(0, b"b")]))
    for magic, word in ((0, "old"), (1, "old"), (3, "unknown")):
        old[16] = magic
        found = expanded(first + bytes(old))
        assert (len(rows(found)), found.next_offset) == (1, 1)
        assert word in str(found.trouble)


def test_a_checksum_over_nonsense_does_not_make_it_sense() -> None:
    good = batch(0, [Record(0, b"a")])
    for records, codec in (
        ([Record(1, b"b"), Record(0, b"c")], NONE),
        ([Record(0, b"b"), Record(0, b"c")], LZ4),
    ):
        found = expanded(good + batch(1, records, codec=codec, last_delta=1))
        assert (len(rows(found)), found.next_offset, found.trouble is not None) == (1, 1, True)
    # offsets that go back
    found = expanded(good + batch(0, [Record(0, b"b")]))
    assert (len(rows(found)), found.next_offset, found.trouble is not None) == (1, 1, True)


@given(st.binary(max_size=80), st.sampled_from(CODECS), st.integers(0, 40))
def test_any_bytes_in_the_place_of_records_do_no_harm(noise: bytes, codec: int, count: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(encoded, "record", lambda each: each.value or b"")
        data = batch(0, [Record(0, noise), *[Record(each, b"") for each in range(1, count)]], codec=codec)
    found = expanded(data)
    assert found.next_offset in (0, count or 1)


def test_aborted_transactions_and_markers_are_left_out() -> None:
    def of(base: int, producer: int, value: bytes) -> bytes:
        return batch(base, [Record(0, value)], flags=TRANSACTIONAL, producer=producer)

    data = (
        of(10, 7, b"aborted 7")
        + of(11, 8, b"kept 8")
        + batch(12, [Record(0, b"plain")])
        + of(13, 7, b"aborted 7 too")
        + marker(14, 7, commits=False)
        + of(15, 7, b"kept 7")
        + marker(16, 8, commits=True)
        + of(17, 9, b"aborted 9")
        + marker(18, 7, commits=True)
        + of(19, 7, b"aborted again")
        + marker(20, 9, commits=False)
        + marker(21, 7, commits=False)
    )
    aborted = [(7, 10), (9, 17), (7, 19)]
    found = expanded(data, 10, aborted)
    assert [(at, value) for at, _, value in rows(found)] == [(11, b"kept 8"), (12, b"plain"), (15, b"kept 7")]
    assert found.next_offset == 22
    # begun in the middle of a transaction, which the broker tells as well
    assert [at for at, _, _ in rows(expanded(data, 13, [(7, 10), (9, 17), (7, 19)]))] == [15]


def test_a_codec_that_nobody_knows_ends_it_at_the_exact_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded, "packed", lambda _, data: data)
    found = expanded(batch(0, [Record(0, b"a")]) + batch(1, [Record(0, b"b")], codec=5) + batch(2, [Record(0, b"c")]))
    assert ([value for _, _, value in rows(found)], found.next_offset) == ([b"a"], 1)
    assert "number 5" in str(found.trouble)
