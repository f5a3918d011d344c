"""A poll decoded: its values, or what its source has them read as, with the source's own refusals in place."""

from dataflow.decode.decoder import Decoder, decode_records, decode_typed
from dataflow.messages import Decoded, Poll, Refusal

CUT = "the file ends inside this line, without a newline"
"""What is added to the refusal of a last line that the end of bounded input has cut off."""


def decode_poll(decoder: Decoder, poll: Poll) -> Decoded:
    """What becomes of each record of `poll`."""
    if poll.typed is not None:
        return decode_typed(decoder, poll.typed)
    decoded = decode_records(decoder, poll.records) if poll.json is None else decoder.decode(poll.json)
    if not (poll.refused or poll.cut) or not decoded.refusals:
        return decoded
    offsets = poll.records.column("offset")
    last = len(offsets) - 1
    refusals = []
    for at, refusal in zip(decoded.dead_at.tolist(), decoded.refusals, strict=True):
        told = poll.refused.get(offsets[at].as_py(), refusal) if poll.refused else refusal
        if poll.cut and at == last:
            told = Refusal(told.reason, told.field, f"{told.message}; {CUT}")
        refusals.append(told)
    return Decoded(decoded.events, decoded.events_at, decoded.dead_at, refusals)
