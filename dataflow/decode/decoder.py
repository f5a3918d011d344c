"""Which decoder reads a pipeline's records: the one place where formats are named."""

from typing import Protocol

import pyarrow as pa

from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import json_decoder
from dataflow.event.schema import EventSchema
from dataflow.messages import Decoded


class Decoder(Protocol):
    """Pure: a value column in, event columns and refusals out. No order, no state."""

    def decode(self, values: pa.Array) -> Decoded:
        """Decode a binary (or binary_view) array; nulls are tombstones."""
        ...


class Readable(Protocol):
    """What a decoder needs to know of a plan."""

    @property
    def event(self) -> EventSchema:
        """What a valid record holds."""
        ...

    @property
    def max_record_bytes(self) -> int | None:
        """Longer records are dead letters; None = any length."""
        ...


def decoder_for(plan: Readable, *, compiled: bool = True) -> Decoder:
    """A decoder of the plan's records, for one source partition.

    What it accepts and what it says are the contract's either way. Without `compiled` it is slower and starts at
    once; what is proven with it does not rest on the compiled code that filled the lake.
    """
    make = json_decoder if compiled else JsonDecoder
    return make(plan.event, plan.max_record_bytes)
