"""A whole draft, and why there may be none."""

import pytest

from dataflow.errors import SourceError
from starter.draft import PipelineDraft, draft_pipeline
from starter.sample import Sample
from tests.starter.streams import T0_MS, orders, record, sample

FRAMED = b"\x00\x00\x00\x00\x2a\x10ad-1\x07\xfe"


def drafted(*values: bytes | None) -> PipelineDraft:
    return draft_pipeline(sample(*values), "orders", "topic orders")


def refusal(*values: bytes | None) -> str:
    with pytest.raises(SourceError) as refused:
        drafted(*values)
    return str(refused.value)


def test_a_draft_says_what_was_found_and_decides_by_the_records_that_have_an_event_time() -> None:
    good = [*map(record, orders(200))]
    draft = drafted(*good, b"{", b"", None, b'{"other": 1}', b'{"other": 2, "ts": "soon"}')
    assert (draft.found.records, draft.found.partitions, draft.found.timeless) == (205, 1, 2)
    assert draft.found.refused == {"empty": 1, "malformed": 1, "tombstone": 1}
    assert draft.time.path == ("ts",)
    columns = ["order_id", "ts", "status", "shop.id", "shop.city", "items", "amount", "coupon"]
    assert [leaf.column for leaf in draft.model.leaves()] == columns
    assert draft.identity is not None
    assert draft.identity.column == "order_id"
    assert [rollup.keys for rollup in draft.rollups] == [("status",), ("shop.id",)]


def test_the_same_sample_gives_the_same_draft() -> None:
    values = [*map(record, orders(100))]
    assert repr(drafted(*values)) == repr(drafted(*values))


def test_nothing_to_look_at_is_said() -> None:
    with pytest.raises(SourceError, match="topic t holds no records yet"):
        draft_pipeline(Sample(()), "t", "topic t")
    assert refusal(None, None).startswith(
        "topic orders: 2 of 2 sampled records are no JSON objects: they have no value"
    )


def test_records_of_another_format_are_told_by_name_with_the_way_out() -> None:
    said = refusal(*[FRAMED] * 9, record({"ts": T0_MS}))
    assert said.startswith(
        "topic orders: 9 of 10 sampled records are no JSON objects: the records are framed by a schema"
    )
    assert "a schema's number, 42," in said
    assert "This cannot be drafted from: declare in the pipeline file what the producer writes" in said
    assert "no JSON objects (malformed 1), like hello. Tidemill reads one JSON object a record" in refusal(b"hello")
    assert "JSON arrays" in refusal(b"[1]")


def test_deletions_of_a_compacted_topic_are_no_other_format() -> None:
    assert drafted(*[None] * 9, record({"ts": T0_MS})).found.refused == {"tombstone": 9}
