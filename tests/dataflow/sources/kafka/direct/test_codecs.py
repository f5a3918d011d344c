"""Compressed records, unpacked by the libraries that are there anyway."""

import gzip
import random

import pytest

from dataflow.sources.kafka.direct.codecs import GZIP, SNAPPY, ZSTD, Unreadable, unpack
from tests.dataflow.sources.kafka.direct.encoded import XERIAL, packed

DATA = random.Random(1).randbytes(300) * 50


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, ZSTD])
def test_what_was_packed_comes_back(codec: int) -> None:
    for data in (b"", b"a", DATA):
        assert unpack(codec, memoryview(packed(codec, data))).to_pybytes() == data
    for size in range(1, 30):
        with pytest.raises(Unreadable, match="cannot be unpacked"):
            unpack(codec, memoryview(packed(codec, DATA)[:-size]))


def test_snappy_in_blocks_and_gzip_in_several_members() -> None:
    assert unpack(SNAPPY, memoryview(packed(SNAPPY + XERIAL, DATA))).to_pybytes() == DATA
    assert unpack(GZIP, memoryview(gzip.compress(b"one") + gzip.compress(b"two"))).to_pybytes() == b"onetwo"
    with pytest.raises(Unreadable, match="where"):
        unpack(SNAPPY, memoryview(packed(SNAPPY + XERIAL, DATA)[:-5]))


def test_a_length_that_cannot_be_true_takes_no_memory() -> None:
    with pytest.raises(Unreadable, match="cannot come of"):
        unpack(SNAPPY, memoryview(b"\xff\xff\xff\xff\x0f" + b"x" * 20))


def test_a_codec_that_nobody_knows_is_told() -> None:
    with pytest.raises(Unreadable, match="number 5"):
        unpack(5, memoryview(b"x"))
