"""Absences that were told are known by the places of their events, as their values write them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.alerts.pair_places import Places
from dataflow.alerts.texts import json_text
from dataflow.pipeline.tables import ALERT_SCHEMA
from tests.dataflow.alerts.pairs import Row, Run, lonely

NAMES = ("events/0", 'a "quoted" name', "back\\slash", "new\nline", "Größe/1", "")


def changes(*told: tuple[str, int, int], side: str = "first") -> pa.Table:
    """Of each the partition, the offset and the number of the change."""
    made: dict[str, Any] = {
        "values": [
            json_text({f"{side}_partition": name, f"{side}_offset": at, f"{side}_x": "}"}) for name, at, _ in told
        ],
        "change": [change for _, _, change in told],
    }
    columns = [pa.array(made.get(field.name, [None] * len(told)), field.type) for field in ALERT_SCHEMA]
    return pa.Table.from_arrays(columns, schema=ALERT_SCHEMA)


@given(st.dictionaries(st.tuples(st.sampled_from(NAMES), st.integers(0, 9)), st.sampled_from([(1,), (1, 2), (2, 1)])))
def test_the_newest_change_of_each_place_counts(told: dict[tuple[str, int], tuple[int, ...]]) -> None:
    places = Places.told(
        changes(*((*place, change) for place, numbers in told.items() for change in numbers)), "first", NAMES.index
    )
    asked = [(name, at) for name in NAMES for at in range(10)]
    found = places.changes_at(np.array([NAMES.index(name) for name, _ in asked]), np.array([at for _, at in asked]))
    assert found.tolist() == [max(told.get(place, (0,))) for place in asked]


@pytest.mark.parametrize("side", ["first", "then"])
def test_either_side_may_be_the_one_that_is_told(side: str) -> None:
    places = Places.told(changes(("p", -3, 1), ("p", 2**62, 2), side=side), side, lambda _: 4)
    assert places.changes_at(np.array([4, 4, 5]), np.array([2**62, -3, -3])).tolist() == [2, 1, 0]


def test_what_a_rule_has_told_is_read_as_it_was_written() -> None:
    run = Run(lonely(having="then.x >= first.x"))
    rows = [Row("u", 10 * at, "a", NAMES[at % 2], at, at) for at in range(6)]
    run.commit(*rows, frontier_ms=1_000)
    (told,) = [table for table in run.store.told if table.num_rows]
    found = Places.told(told, "first", NAMES.index)
    assert found.changes_at(np.arange(6) % 2, np.arange(6)).tolist() == [1] * 6
    assert found.changes_at(1 - np.arange(6) % 2, np.arange(6)).tolist() == [0] * 6
