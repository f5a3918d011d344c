"""Which changes of its pipeline a lake can follow."""

import json
from dataclasses import replace
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.errors import LakeError
from dataflow.pipeline.alert_rules import Threshold, threshold
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble
from sinks.lake.tables.definition import (
    Definition,
    definition_of,
    read_definition,
    require_compatible,
    write_definition,
)
from tests.sinks.lake.small import PER_AD, TOTAL, small_plan

DEDUP = {"deduplicate_by": "user", "deduplicate_within": "10m"}


def definition(*rollups: Rollup, **changes: Any) -> Definition:
    """As it comes back from a lake."""
    plan = small_plan(rollups or (PER_AD, TOTAL), **(DEDUP | changes))
    read = read_definition(write_definition(plan))
    assert read == definition_of(plan)
    return read


def with_columns(known: Definition, **types: str | None) -> Definition:
    """The same with columns of other types, or without them."""
    columns = {**dict(known.columns), **types}
    return known._replace(columns=[(name, type_) for name, type_ in columns.items() if type_])


def test_by_what_ids_repeats_are_told_cannot_change() -> None:
    with pytest.raises(LakeError) as caught:
        require_compatible(definition(), definition(deduplicate_by="ad"), "lake")
    assert "deduplicate_by was 'user' and is 'ad'" in str(caught.value)
    assert "the lake lake was filled by another definition" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"out_of_orderness": "6s"},
        {"idle_timeout": "7s"},
        {"deduplicate_within": "11m"},
        {"allowed_lateness": "1s"},
    ],
)
def test_rules_may_change_and_those_of_lines_that_tell_none_are_kept(change: dict[str, Any]) -> None:
    was, plan = definition(), small_plan((PER_AD, TOTAL), **(DEDUP | change))
    require_compatible(was, definition_of(plan), "lake")
    becomes = read_definition(write_definition(plan, was))
    assert becomes is not None
    assert becomes.rules == plan.rules != was.rules
    again = read_definition(write_definition(small_plan((PER_AD, TOTAL), **DEDUP), becomes))
    assert again is not None
    assert becomes.first_rules == again.first_rules == was.rules


def test_a_definition_that_an_earlier_version_wrote_has_its_own_rules_as_the_first() -> None:
    old = definition()._replace(first=None)
    assert old.first_rules == old.rules == small_plan((PER_AD, TOTAL), **DEDUP).rules


def test_a_changed_rollup_is_named_with_what_changed_in_it() -> None:
    other = Rollup("total", keys=[], window=tumble("2h"), aggregates=TOTAL.aggregates)
    with pytest.raises(LakeError) as caught:
        require_compatible(definition(), definition(PER_AD, other), "lake")
    assert "  - rollup total: window was tumble 1h and is tumble 2h\n" in str(caught.value)
    assert "per_ad" not in str(caught.value)


def test_a_column_cannot_change_its_type() -> None:
    new = with_columns(definition(), score="int64")
    with pytest.raises(LakeError, match="column score was double and is int64"):
        require_compatible(definition(), new, "lake")


def test_new_and_absent_rollups_and_columns_are_followed() -> None:
    more = Rollup("more", keys=[], window=tumble("1h"), aggregates={"n": agg.count()})
    new = with_columns(definition(TOTAL, more), country="string")
    require_compatible(definition(), new, "lake")
    require_compatible(definition(), with_columns(new, score=None), "lake")


def test_how_long_things_are_kept_may_change_and_goes_with_a_rollup_that_is_gone() -> None:
    kept = replace(TOTAL, keep="90d")
    known = definition(PER_AD, kept, events_keep="7d")
    assert (known.event_time, known.keep_ms) == ("time", {"events": 604_800_000, "total": 7_776_000_000})
    require_compatible(known, definition(PER_AD, TOTAL), "lake")
    later = read_definition(write_definition(small_plan([PER_AD], **DEDUP), known))
    assert later is not None
    assert set(later.by_name) == {"per_ad", "total"}
    assert later.keep_ms == {}


def test_what_a_former_pipeline_had_stays_in_the_lake() -> None:
    former = with_columns(definition(PER_AD, TOTAL), country="string")
    kept = read_definition(write_definition(small_plan((TOTAL,), **DEDUP), former))
    assert kept is not None
    assert [rollup.name for rollup in kept.rollups] == ["total", "per_ad"]
    assert kept.by_name["per_ad"] == former.by_name["per_ad"]
    assert dict(kept.columns) == dict(former.columns)


def test_what_stays_is_written_again_by_the_same_plan_which_stays_what_its_file_says() -> None:
    """As a run does, which opens its lake when it starts and once more in the sink."""
    former = definition(PER_AD, TOTAL)
    plan = small_plan((TOTAL,), **DEDUP)
    alone = write_definition(plan)
    assert write_definition(plan, former) == write_definition(plan, former)
    assert write_definition(plan) == alone


def test_a_lake_that_a_crash_left_without_a_definition_has_none() -> None:
    assert read_definition("{}") is None


class Before(BaseModel):
    at: EventTime
    status: Literal["placed", "paid"]
    city: str
    level: Literal[1, 2]


class After(BaseModel):
    at: EventTime
    status: Literal["paid", "sent"]
    city: Literal["Rome", "Oslo"]
    kind: Literal["a", "b"]


def known_of(event: type[BaseModel], former: Definition | None = None) -> Definition:
    rollup = Rollup("per_hour", keys=["status"], window=tumble("1h"), aggregates={"n": agg.count()})
    known = read_definition(write_definition(make_plan(Pipeline("orders", event, [rollup]), "."), former))
    assert known is not None
    return known


def test_a_lake_knows_all_values_that_a_column_ever_held_and_none_where_any_text_was_allowed() -> None:
    before = known_of(Before)
    assert before.values == {"status": ["placed", "paid"], "level": [1, 2]}
    after = known_of(After, before)
    assert after.values == {"status": ["placed", "paid", "sent"], "level": [1, 2], "kind": ["a", "b"]}
    assert known_of(Before, after).values == {"status": ["placed", "paid", "sent"], "level": [1, 2], "kind": ["a", "b"]}


def test_of_a_lake_that_kept_no_values_none_are_known() -> None:
    old = known_of(Before)._replace(values={})
    assert known_of(Before, old).values == {}
    assert known_of(After, old).values == {"kind": ["a", "b"]}


def _zoned(zone: str | None) -> Rollup:
    return Rollup("total", keys=[], window=tumble("1d", zone=zone), aggregates=TOTAL.aggregates)


def test_a_window_by_a_clock_keeps_its_zone_and_another_zone_or_other_rules_are_another_window() -> None:
    amsterdam = definition(_zoned("Europe/Amsterdam"))
    require_compatible(amsterdam, definition(_zoned("Europe/Amsterdam")), "lake")
    with pytest.raises(LakeError, match="window was tumble 1d in Europe/Amsterdam and is tumble 1d in Asia/Tokyo"):
        require_compatible(amsterdam, definition(_zoned("Asia/Tokyo")), "lake")
    with pytest.raises(LakeError, match="window was tumble 1d and is tumble 1d in Europe/Amsterdam"):
        require_compatible(definition(_zoned(None)), amsterdam, "lake")
    (rollup,) = amsterdam.rollups
    moved = rollup._replace(window=rollup.window._replace(zone_rules="0" * 64))
    with pytest.raises(LakeError, match=r"the zone's clock was digest \w{12} and is digest 0{12}"):
        require_compatible(amsterdam, amsterdam._replace(rollups=[moved]), "lake")


def test_a_window_without_a_zone_is_written_as_it_always_was() -> None:
    (rollup,), (zoned,) = definition(_zoned(None)).rollups, definition(_zoned("Europe/Amsterdam")).rollups
    assert rollup.stored()["window"] == {
        "kind": "tumble", "size_ms": 86_400_000, "slide_ms": 86_400_000, "offset_ms": 0,
    }  # fmt: skip
    assert zoned.stored()["window"].keys() == {*rollup.stored()["window"], "zone", "zone_rules"}


def with_rules(*rules: Threshold) -> Definition:
    return definition_of(small_plan((PER_AD, TOTAL), alerts=rules))


def test_what_a_rule_asks_cannot_change_and_how_it_is_told_may() -> None:
    old = with_rules(threshold("many", on="per_ad", having="clicks > 5"))
    told = threshold(
        "many", on="per_ad", having="(clicks > 5)", severity="high", message="{ad}", cool_down="1h", keep="1d"
    )
    require_compatible(old, with_rules(told), "lake")
    for changed, said in (
        (threshold("many", on="per_ad", having="clicks > 6"), 'having was "clicks" > 5 and is "clicks" > 6'),
        (threshold("many", on="total", having="clicks > 5"), "rollup was per_ad and is total"),
    ):
        with pytest.raises(LakeError) as caught:
            require_compatible(old, with_rules(changed), "lake")
        assert f"alert rule many: {said}" in str(caught.value)
        assert "give the changed rollup or rule a new name" in str(caught.value)


def test_a_rule_that_is_taken_out_stays_known() -> None:
    old = with_rules(threshold("many", on="per_ad", having="clicks > 5"))
    for rules in ((), (threshold("few", on="per_ad", having="clicks < 5"),)):
        plan = small_plan((PER_AD, TOTAL), alerts=rules)
        require_compatible(old, definition_of(plan), "lake")
        kept = read_definition(write_definition(plan, old))
        assert kept is not None
        assert [rule.name for rule in kept.alerts] == [*(rule.name for rule in rules), "many"]
        with pytest.raises(LakeError):
            require_compatible(kept, with_rules(threshold("many", on="per_ad", having="clicks > 7")), "lake")


def test_a_lake_without_rules_is_stored_as_it_always_was() -> None:
    assert "alerts" not in json.loads(write_definition(small_plan()))
