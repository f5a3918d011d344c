"""Lines in bytes: the compiled loops and the plain ones say the same, and it is what a split says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.sources.files import line_text
from dataflow.sources.files.line_text import lines_of, newlines

TEXTS = st.lists(st.sampled_from([b"", b"\r", b"a", b"\r\r", b"x" * 7, b"y" * 63, b"z" * 200, b"\xff\r"]), max_size=40)


@pytest.fixture(params=[0, 1 << 40], ids=["compiled", "plain"], autouse=True)
def fewest_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_text, "FEWEST_BYTES", request.param)


def read(data: bytes, first: int = 0) -> tuple[list[int], list[bytes], list[int]]:
    memory = np.frombuffer(data, np.uint8)
    ends = newlines(memory)
    if not len(ends):
        return [], [], []
    starts, lines = lines_of(memory[: int(ends[-1]) + 1], ends, first, newline=True)
    lines.validate(full=True)
    return ends.tolist(), lines.to_pylist(), starts.tolist()


@given(TEXTS, st.binary(max_size=100))
def test_lines_are_what_a_split_says(texts: list[bytes], rest: bytes) -> None:
    data = b"".join(text + b"\n" for text in texts) + rest
    ends, lines, starts = read(data)
    split = data.split(b"\n")
    assert ends == [at for at, byte in enumerate(data) if byte == 10]
    assert lines == [line.removesuffix(b"\r") for line in split[:-1]]
    assert starts == ([0, *(end + 1 for end in ends)] if ends else [])


@pytest.mark.parametrize("data", [b"abcone\ntwo\r\n", b"abc\n\n", b"abc\r\n"])
def test_the_first_line_is_without_what_stands_before_it(data: bytes) -> None:
    assert read(data, first=3)[1] == [line.removesuffix(b"\r") for line in data[3:].split(b"\n")[:-1]]


def test_a_last_line_without_its_newline_keeps_every_byte() -> None:
    memory = np.frombuffer(b"all of it\r", np.uint8)
    starts, lines = lines_of(memory, np.array([10]), 0, newline=False)
    assert (starts.tolist(), lines.to_pylist()) == ([0, 10], [b"all of it\r"])


def test_newlines_inside_a_record_stay() -> None:
    data = b'1,"a\nb"\r\n2,c\n'
    starts, lines = lines_of(np.frombuffer(data, np.uint8), np.array([8, 12]), 0, newline=True)
    assert (starts.tolist(), lines.to_pylist()) == ([0, 9, 13], [b'1,"a\nb"', b"2,c"])
