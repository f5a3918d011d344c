"""Which changes of its pipeline a lake can follow."""

import json
from typing import Any

import pytest

from dataflow import Rollup
from dataflow import aggregates as agg
from dataflow.errors import LakeError
from dataflow.windows import tumble
from sinks.lake.tables.definition import definition_of, require_compatible, to_json
from tests.sinks.lake.small import PER_AD, TOTAL, small_plan

DEDUP = {"deduplicate_by": "user", "deduplicate_within": "10m"}


def definition(*rollups: Rollup, **changes: Any) -> dict[str, Any]:
    """As it comes back from a lake."""
    return dict(json.loads(to_json(definition_of(small_plan(rollups or (PER_AD, TOTAL), **(DEDUP | changes))))))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"out_of_orderness": "6s"}, "out_of_orderness was '5s' and is '6s'"),
        ({"deduplicate_by": "ad"}, "deduplicate_by was 'user' and is 'ad'"),
        ({"deduplicate_within": "11m"}, "deduplicate_within was '10m' and is '11m'"),
        ({"allowed_lateness": "1s"}, "rollup total: allowed_lateness was '0s' and is '1s'"),
    ],
)
def test_what_decides_which_rows_count_cannot_change(change: dict[str, Any], told: str) -> None:
    with pytest.raises(LakeError) as caught:
        require_compatible(definition(), definition(**change), "lake")
    assert told in str(caught.value)
    assert "the lake lake was filled by another definition" in str(caught.value)


def test_a_changed_rollup_is_named_with_what_changed_in_it() -> None:
    other = Rollup("total", keys=[], window=tumble("2h"), aggregates=TOTAL.aggregates)
    with pytest.raises(LakeError) as caught:
        require_compatible(definition(), definition(PER_AD, other), "lake")
    assert "  - rollup total: window was 'tumble(1h, 1h, 0s)' and is 'tumble(2h, 2h, 0s)'\n" in str(caught.value)
    assert "per_ad" not in str(caught.value)


def test_a_column_cannot_change_its_type() -> None:
    new = definition()
    new["columns"]["score"] = "int64"
    with pytest.raises(LakeError, match="column score was double and is int64"):
        require_compatible(definition(), new, "lake")


def test_new_and_absent_rollups_and_columns_and_another_idle_timeout_are_followed() -> None:
    more = Rollup("more", keys=[], window=tumble("1h"), aggregates={"n": agg.count()})
    new = definition(TOTAL, more, idle_timeout="7s")
    new["columns"]["country"] = "string"
    require_compatible(definition(), new, "lake")
    del new["columns"]["score"]
    require_compatible(definition(), new, "lake")
