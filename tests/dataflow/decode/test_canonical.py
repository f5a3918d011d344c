"""Equal objects are equal texts, however they were written."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dataflow.decode.canonical import canonical, canonical_of

LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text('aüzé\n"', max_size=3), inner))


@given(value=VALUES, indent=st.sampled_from((None, 1)), escaped=st.booleans())
def test_how_it_is_written_leaves_no_trace(value: Any, indent: int | None, escaped: bool) -> None:
    raw = json.dumps(value, indent=indent, ensure_ascii=escaped).encode()
    text = canonical(raw)
    assert json.loads(text) == value
    assert text == canonical_of(value) == canonical(text.encode())


def test_members_are_sorted_the_last_of_a_key_counts_and_numbers_stay_as_written() -> None:
    assert canonical(b' {"b" : 1.50, "a": [1e3, -0], "\\u0062": {"z": null, "y": "\\u00fc\\/"}}') == (
        '{"a":[1e3,-0],"b":{"y":"\u00fc/","z":null}}'
    )
