"""Bytes of a file in memory that is used again."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataflow.sources.files.block import Block
from dataflow.sources.files.content import Content

Opened = Callable[[Path, int], Block]


@pytest.fixture
def opened() -> Iterator[Opened]:
    contents = []

    def open_(path: Path, read_bytes: int) -> Block:
        contents.append(Content(path))
        return Block(contents[-1], read_bytes)

    yield open_
    for content in contents:
        content.close()


@pytest.mark.parametrize("read_bytes", [1, 7, 4096])
def test_what_is_read_and_not_dropped_is_held_in_order(opened: Opened, tmp_path: Path, read_bytes: int) -> None:
    data = os.urandom(300)
    path = tmp_path / "a"
    path.write_bytes(data)
    block = opened(path, read_bytes)
    dropped = 0
    while block.read():
        assert block.bytes_from(0).tobytes() == data[dropped : dropped + len(block)]
        block.drop(count := len(block) // 2)
        dropped += count
    assert data.endswith(block.bytes_from(0).tobytes())
    assert dropped + len(block) == len(data)


def test_a_file_that_shrinks_ends_there_and_one_that_grows_goes_on(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10_000)
    shrinking, growing = opened(path, 6_000), opened(path, 6_000)
    assert shrinking.read() == 6_000
    assert growing.read() == 6_000
    os.truncate(path, 5_000)
    assert shrinking.read() == 0
    path.write_bytes(b"x" * 100_000)
    while growing.read():
        pass
    assert len(growing) == 100_000


def test_memory_of_a_long_record_is_given_back(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100_000)
    block = opened(path, 1_000)
    while block.read():
        pass
    held = block.bytes_from(0).base
    block.drop(99_500)
    kept = block.bytes_from(0).base
    assert held is not None
    assert kept is not None
    assert held.nbytes >= 100_000
    assert kept.nbytes <= 4_000
    assert len(block) == 500
