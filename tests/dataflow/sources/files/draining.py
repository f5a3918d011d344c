"""A file read to its end through its reader, with what every poll must fulfil."""

from dataflow.messages import POLL_SCHEMA
from dataflow.sources.source import Reader


def drain(reader: Reader, max_records: int = 1_000, max_bytes: int = 1 << 30) -> list[bytes]:
    values: list[bytes] = []
    while not reader.finished:
        poll = reader.poll(max_records, max_bytes)
        if poll is None:
            continue
        assert poll.records.schema == POLL_SCHEMA
        poll.records.validate(full=True)
        assert poll.records.num_rows <= max_records
        assert poll.records.column("offset").to_pylist() == list(range(poll.start, poll.end))
        values += poll.records.column("value").to_pylist()
    reader.close()
    return values
