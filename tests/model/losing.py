"""Hypothesis strategies: which records of a stream are gone before they are read (semantics rule 14)."""

from hypothesis import strategies as st

from tests.model.engine import Lost
from tests.model.spec import Record


@st.composite
def losing(draw: st.DrawFn, partitions: dict[str, list[Record]]) -> Lost:
    """Up to three gaps for each of some source partitions, each of which begins where reading stood."""
    found: Lost = {}
    for name, records in partitions.items():
        places = [0, *(record.offset + 1 for record in records)]
        cuts = sorted(draw(st.lists(st.integers(0, len(places) - 1), max_size=6, unique=True)))
        ranges = []
        for first, last in zip(cuts[::2], cuts[1::2], strict=False):
            # what a broker has first may be a record, or the end of a hole before it
            end = places[last] if draw(st.booleans()) or last == len(records) else records[last].offset
            if end > places[first]:
                ranges.append((places[first], end))
        if ranges:
            found[name] = ranges
    return found
