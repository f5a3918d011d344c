"""Frames come out as they went in, however the pipe cuts them, and one that is too long ends the talk."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.sql import frames

FRAMES = st.lists(st.tuples(st.sampled_from([frames.DATA, frames.END]), st.binary(max_size=300)), max_size=5)


@given(FRAMES, st.lists(st.integers(1, 50), min_size=1))
def test_frames_are_whole_whatever_pieces_they_come_in(sent: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    data = b"".join(frames.packed(kind, body) for kind, body in sent)
    unpacker, found, at = frames.Unpacker(), [], 0
    while at < len(data):
        for cut in cuts:
            found += unpacker.take(data[at : at + cut])
            at += cut
    assert found == sent


def test_a_frame_that_is_longer_than_any_may_be_is_refused_before_it_has_come() -> None:
    with pytest.raises(ValueError, match="a frame of 262145 bytes"):
        frames.Unpacker().take(frames.packed(frames.DATA, b"x" * (frames.DATA_BYTES + 1))[:10])


def test_a_frame_goes_through_a_pipe_and_the_end_of_the_pipe_is_told() -> None:
    reading, writing = os.pipe()
    body = b"x" * 3_000_000

    def send() -> None:
        frames.write(writing, frames.SNAPSHOT, body)
        os.write(writing, b"S")
        os.close(writing)

    thread = threading.Thread(target=send)
    thread.start()
    assert frames.read(reading) == (frames.SNAPSHOT, body)
    assert frames.read(reading) is None
    thread.join()
    os.close(reading)
