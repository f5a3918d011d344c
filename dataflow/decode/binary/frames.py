"""Records' frames taken apart, a poll at once: which schema each names, and where its body begins."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dataflow.columnar.types import Int32s, Int64s, UInt8s
from dataflow.formats.frame import GUID_BYTES, ID_BYTES, SchemaKey, key_of

MOST_GROUPS = 16
"""Of a poll's records, those of more schemas than this are taken apart one by one."""


@dataclass(frozen=True, slots=True)
class Group:
    """Records at `at` in their poll, ascending, that name one schema, or none; each body's first byte and its end."""

    key: SchemaKey | None
    at: Int64s
    starts: Int64s
    ends: Int64s


def groups_of(data: UInt8s, ends: Int32s, at: Int64s, headers: pa.Array | None) -> list[Group]:
    """The records at `at`, which have a byte at least, by schema; `headers` as a decoder gets them.

    What has a header that is no frame, or stands behind the MOST_GROUPS largest groups, is in none.
    """
    found: list[Group] = []
    if headers is not None and headers.null_count < len(headers):
        has = headers.is_valid().to_numpy(zero_copy_only=False)[at]
        found += _by_header(ends, at[has], headers)
        at = at[~has]
    starts, stops = ends[at].astype(np.int64), ends[at + 1].astype(np.int64)
    first = data[starts]
    by_id = (first == 0) & (stops - starts >= ID_BYTES)
    by_guid = (first == 1) & (stops - starts >= GUID_BYTES)
    for chosen, size in ((by_id, ID_BYTES), (by_guid, GUID_BYTES)):
        if chosen.any():
            found += _by_prefix(data, (at[chosen], starts[chosen], stops[chosen]), size)
    rest = ~(by_id | by_guid)
    if rest.any():
        found.append(Group(None, at[rest], starts[rest], stops[rest]))
    found.sort(key=lambda group: -len(group.at))
    return found[:MOST_GROUPS]


def _by_header(ends: Int32s, at: Int64s, headers: pa.Array) -> list[Group]:
    encoded = headers.take(pa.array(at)).dictionary_encode()
    codes = encoded.indices.to_numpy()
    found = []
    for code in _most_common(codes):
        header = encoded.dictionary[int(code)].as_py()
        named = key_of(header)
        if named is not None and named[1] == len(header):
            rows = at[codes == code]
            found.append(Group(named[0], rows, ends[rows].astype(np.int64), ends[rows + 1].astype(np.int64)))
    return found


def _by_prefix(data: UInt8s, records: tuple[Int64s, Int64s, Int64s], size: int) -> list[Group]:
    at, starts, stops = records
    prefixes = data[starts[:, None] + np.arange(size)]
    if (prefixes == prefixes[0]).all():
        key = key_of(prefixes[0].tobytes())
        assert key is not None, "it begins as a frame"
        return [Group(key[0], at, starts + size, stops)]
    column = pa.Array.from_buffers(pa.binary(size), len(at), [None, pa.py_buffer(prefixes.tobytes())])
    encoded = column.dictionary_encode()
    codes = encoded.indices.to_numpy()
    found = []
    for code in _most_common(codes):
        key = key_of(encoded.dictionary[int(code)].as_py())
        assert key is not None, "it begins as a frame"
        chosen = codes == code
        found.append(Group(key[0], at[chosen], starts[chosen] + size, stops[chosen]))
    return found


def _most_common(codes: Int32s) -> list[int]:
    counts = np.bincount(codes)
    order: list[int] = np.argsort(-counts, kind="stable")[:MOST_GROUPS].tolist()
    return order
