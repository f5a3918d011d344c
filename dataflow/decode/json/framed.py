"""JSON records out of the frame that a schema registry's serializers put around them, whole columns at once."""

from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.buffers import words_in
from dataflow.formats.frame import GUID_BYTES, ID_BYTES
from dataflow.messages import Decoded

_FRAMES = ((0, ID_BYTES), (1, GUID_BYTES))
"""First byte and length of each frame."""


class _Decoder(Protocol):
    def decode(self, values: pa.Array) -> Decoded: ...


class UnframingDecoder:
    """Takes records off their frame before `inner` decodes them: the contract would take them off one by one."""

    def __init__(self, inner: _Decoder, max_record_bytes: int | None) -> None:
        self.inner = inner
        self._max_record_bytes = max_record_bytes

    def decode(self, values: pa.Array) -> Decoded:
        """As `inner`'s; what is no event either way stays in its frame, so that the contract says why."""
        return self.inner.decode(self._bodies(values))

    def _bodies(self, values: pa.Array) -> pa.Array:
        rows = len(values)
        if rows == 0:
            return values
        if values.type == pa.binary_view() and not _may_be_framed(values):
            return values
        if values.type != pa.binary():
            values = values.cast(pa.binary())
        offsets = words_in(values.buffers()[1], np.int32)[values.offset : values.offset + rows + 1]
        if offsets[0] == offsets[-1]:
            return values
        payload = words_in(values.buffers()[2], np.uint8)
        # that of an empty value is another one's: its length tells
        first = payload.take(offsets[:-1], mode="clip")
        if not (first <= 1).any():
            return values
        lengths = np.diff(offsets)
        keep = np.ones(offsets[-1] - offsets[0], np.bool_)
        ends = np.zeros(rows + 1, np.int32)
        bodies = lengths.copy()
        for byte, length in _FRAMES:
            framed = (first == byte) & (lengths > length)
            # a body that begins as a frame, or is empty, is the contract's: it takes off one frame and no more
            framed &= payload[np.minimum(offsets[:-1] + length, offsets[-1] - 1)] > 1
            if self._max_record_bytes is not None:
                framed &= lengths <= self._max_record_bytes
            starts = offsets[:-1][framed] - offsets[0]
            keep[starts[:, None] + np.arange(length)] = False
            bodies[framed] -= length
        np.cumsum(bodies, out=ends[1:])
        data = payload[offsets[0] : offsets[-1]][keep]
        found = pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(ends), pa.py_buffer(data)])
        return pc.if_else(values.is_valid(), found, pa.scalar(None, pa.binary())) if values.null_count else found


def _may_be_framed(values: pa.Array) -> bool:
    """Whether one of these views begins as a frame does."""
    views = words_in(values.buffers()[1], np.uint8).reshape(-1, 16)[values.offset : values.offset + len(values)]
    lengths = np.ascontiguousarray(views[:, :4]).view(np.int32)[:, 0]
    return bool(((views[:, 4] <= 1) & (lengths > 0)).any())
