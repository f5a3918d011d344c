"""Frames of a poll taken apart at once: as one record's is, whatever its neighbours."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataflow.columnar.buffers import values_in
from dataflow.decode.binary.frames import MOST_GROUPS, Group, groups_of
from dataflow.formats.frame import framed_body

_GUIDS = [b"\x01" + bytes(15) + bytes([last]) for last in (0, 7)]
_VALUES = st.one_of(
    st.binary(min_size=1, max_size=4),
    st.builds(
        lambda number, body: b"\x00" + number.to_bytes(4, "big") + body, st.integers(0, 3), st.binary(max_size=4)
    ),
    st.builds(lambda guid, body: guid + body, st.sampled_from(_GUIDS), st.binary(max_size=3)),
    st.sampled_from([b"\x00\x00\x00\x01", b"\x01" + bytes(15)]),
)
_HEADERS = st.sampled_from([None, None, *_GUIDS, b"", b"\x00\x00\x00\x00\x05", b"\x00\x00\x00\x00\x05x", b"x"])


def taken_apart(values: list[bytes], headers: list[bytes | None] | None) -> tuple[dict[int, Any], list[Group]]:
    """By position, the key and the body."""
    array = pa.array([b"before", *values], pa.binary()).slice(1)
    data, ends, _ = values_in(array)
    beside = None if headers is None else pa.array(headers, pa.binary())
    groups = groups_of(data, ends, np.arange(len(values)), beside)
    found = {}
    for group in groups:
        assert (np.diff(group.at) > 0).all()
        for at, start, end in zip(group.at.tolist(), group.starts.tolist(), group.ends.tolist(), strict=True):
            assert at not in found
            found[at] = (group.key, data[start:end].tobytes())
    return found, groups


@given(st.lists(st.tuples(_VALUES, _HEADERS), min_size=1, max_size=30), st.booleans())
def test_each_record_is_in_the_group_of_its_schema_with_its_body(records: list[Any], with_headers: bool) -> None:
    values, headers = [value for value, _ in records], [header for _, header in records]
    found, _ = taken_apart(values, headers if with_headers else None)
    for at, value in enumerate(values):
        header = headers[at] if with_headers else None
        framed = framed_body(value, header)
        if framed is not None:
            assert found[at] == framed
        else:
            assert found.get(at) == (None if header is not None else (None, value))


def test_of_a_poll_of_very_many_schemas_the_largest_groups_are_found_and_the_rest_is_left() -> None:
    values = [
        b"\x00" + number.to_bytes(4, "big") + b"x" for number in range(1_000) for _ in range(3 if number < 5 else 1)
    ]
    found, groups = taken_apart(values, None)
    assert len(groups) == MOST_GROUPS
    assert {group.key.value for group in groups[:5] if group.key} == set(range(5))
    assert len(found) == 5 * 3 + MOST_GROUPS - 5
