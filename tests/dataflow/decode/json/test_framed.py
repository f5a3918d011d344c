"""JSON in a registry's frame: the same events as without, at every limit, among all other records."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.decode.json.contract import judge_record
from dataflow.decode.json.framed import UnframingDecoder
from dataflow.decode.json.plain import json_decoder
from dataflow.event.schema import schema_of
from dataflow.messages import Decoded, Refusal
from tests.dataflow.decode.models import AdEvent
from tests.model import adapter, contract
from tests.model.contract import Dead
from tests.model.spec import PipelineSpec

AD = schema_of(AdEvent)
GOOD = b'{"event_id":"a","event_time":5,"event_type":"click","ad_id":"x"}'
ID, GUID = b"\x00\x00\x00\x00\x07", b"\x01" + bytes(range(16))

RECORDS = st.one_of(
    st.none(),
    st.sampled_from(
        [GOOD, ID + GOOD, GUID + GOOD, ID, GUID, ID[:4], GUID[:9], ID + ID + GOOD, b"", b"\x00" + GOOD, ID + b"[1]"]
    ),
    st.binary(max_size=8),
    st.binary(max_size=30).map(lambda value: ID + value),
)


@settings(deadline=None)
@given(
    st.lists(RECORDS, max_size=12),
    st.sampled_from([None, 4, len(GOOD), len(GOOD) + 4, len(GOOD) + 5]),
    st.integers(0, 3),
    st.sampled_from([pa.binary(), pa.binary_view()]),
)
def test_whole_columns_are_taken_off_as_the_contract_and_the_model_do(
    values: list[bytes | None], limit: int | None, skipped: int, kind: pa.DataType
) -> None:
    array = pa.array([b"\x00front", *([None] * skipped), *values], kind).slice(1 + skipped)
    decoded = UnframingDecoder(json_decoder(AD, limit), limit).decode(array)
    found: dict[int, object] = dict(zip(decoded.dead_at.tolist(), decoded.refusals, strict=True))
    found |= dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
    spec = PipelineSpec(fields=adapter._fields(AdEvent), rollups=(), max_record_bytes=limit)
    for at, value in enumerate(values):
        judged, modelled = judge_record(AD, value, limit), contract.read(value, spec)
        if isinstance(judged, Refusal):
            refusal = found[at]
            assert isinstance(refusal, Refusal)
            assert isinstance(modelled, Dead)
            assert (refusal.reason, refusal.field) == (judged.reason, judged.field) == (modelled.reason, modelled.field)
        else:
            assert found[at] == judged == modelled


@pytest.mark.parametrize("frame", [ID, GUID])
def test_a_framed_object_is_the_event_that_it_is_without(frame: bytes) -> None:
    assert judge_record(AD, frame + GOOD, None) == judge_record(AD, GOOD, None)


def test_views_without_a_frame_are_handed_on_where_they_are() -> None:
    handed: list[pa.Array] = []

    class Inner:
        def decode(self, values: pa.Array) -> Decoded:
            handed.append(values)
            return Decoded(
                pa.RecordBatch.from_pylist([], schema=AD.arrow), np.zeros(0, np.int64), np.zeros(0, np.int64), []
            )

    for values in ([GOOD * 3, None, b"", b"12345678901234567"], [GOOD, ID + GOOD]):
        array = pa.array([ID + GOOD, *values], pa.binary_view()).slice(1)
        UnframingDecoder(Inner(), None).decode(array)
        is_framed = ID + GOOD in values
        assert handed[-1].to_pylist() == [GOOD if value == ID + GOOD else value for value in values]
        assert handed[-1].type == (pa.binary() if is_framed else pa.binary_view())


def test_only_a_whole_frame_is_one_and_only_once() -> None:
    for value, reason in (
        (ID[:4], "malformed"),
        (ID, "empty"),
        (ID + ID + GOOD, "malformed"),
        (ID + b"5", "not_object"),
    ):
        found = judge_record(AD, value, None)
        assert isinstance(found, Refusal)
        assert found.reason == reason
