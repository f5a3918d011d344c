"""Alerts over pairs of events: which stand, whatever the order of commits; and what is forgotten comes back."""

import json
import random
from typing import Any
from unittest.mock import patch

import pytest

from dataflow.alerts import candidates, pair_judge, pairing
from dataflow.pipeline.pair_plan import PairPlan
from tests.dataflow.alerts.pairs import EVER_MS, Row, Run, clicks, lonely, paired, random_rows

RULES = {
    "sequence": lambda: clicks(),
    "sequence_having": lambda: clicks(having="then.x >= first.x", within="7ms"),
    "then": lambda: lonely(),
    "then_having": lambda: lonely(having="then.x >= first.x"),
    "first": lambda: lonely("first"),
    "first_having": lambda: lonely("first", within="1ms", having="then.x >= first.x"),
    "no_key": lambda: clicks(key=[]),
}


def told(run: Run) -> set[tuple[Any, ...]]:
    """The raised alerts by the offsets of their events, which are those of one row each."""
    found = set()
    standing = run.standing()
    for table in run.store.told:
        for row in table.to_pylist():
            if row["alert_id"] in standing and row["state"] == "raised":
                values = json.loads(row["values"])
                found.add((values.get("first_offset"), values.get("then_offset")))
    return found


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(12))
def test_what_stands_is_a_function_of_the_events(name: str, seed: int) -> None:
    rng = random.Random(seed)
    rule = RULES[name]()
    rows = random_rows(rng, rng.choice((20, 80)))
    if not rule.keys:
        rows = [row._replace(user="u") for row in rows]
    expected = {tuple(None if each is None else each.offset for each in pair) for pair in paired(rule, rows)}
    with (
        patch.object(candidates, "SPARE_ROWS", 0),
        patch.multiple(pair_judge, MOST_ROWS=rng.choice((0, 30)), BLOCK_MS=rng.choice((1, 50)), DUE_ROWS=3),
        patch.object(pairing, "PAIRS", rng.choice((1, 1 << 20))),
    ):
        run = Run(rule)
        frontier = -60
        order = rows.copy()
        if rng.random() < 0.5:
            rng.shuffle(order)
        while order:
            some, order = order[: (count := rng.choice((1, 3, 10)))], order[count:]
            frontier += rng.choice((0, 3, 20))
            run.commit(*some, frontier_ms=frontier)
            if rng.random() < 0.3:
                run.judge.forget(rng.choice((frontier, frontier + 20, 10_000)))
            if rng.random() < 0.2:
                run.restart()
            if rng.random() < 0.1:
                run.judge.forget_all()
        run.commit(frontier_ms=EVER_MS)
    assert told(run) == expected
    assert len(run.standing()) == len(expected)


def test_an_absence_is_told_when_its_window_is_final_and_not_before() -> None:
    run = Run(lonely(allowed_lateness="3ms"))
    assert run.commit(Row("u", 0, "a"), frontier_ms=0) == []
    assert not run.judge.due(11)
    assert run.commit(frontier_ms=11) == []
    assert run.judge.due(12)
    assert [line["state"] for line in run.commit(frontier_ms=12)] == ["raised"]
    assert run.commit(frontier_ms=12) == []


def test_a_late_event_retracts_an_absence_for_good() -> None:
    run = Run(lonely())
    run.commit(Row("u", 0, "a"), frontier_ms=9)
    assert [line["state"] for line in run.commit(Row("u", 9, "b", offset=1), frontier_ms=9)] == ["retracted"]
    run.restart()
    assert run.commit(Row("u", 8, "b", offset=2), frontier_ms=50) == []
    assert run.standing() == set()


def test_what_needs_events_that_have_left_is_not_judged() -> None:
    run = Run(clicks())
    assert run.commit(Row("u", 10, "a"), Row("u", 15, "b", offset=1), over_ms=7) == []
    assert len(run.commit(Row("u", 16, "b", offset=2), over_ms=7)) == 1


def test_after_a_restart_only_what_can_still_meet_is_read() -> None:
    run = Run(lonely())
    run.commit(*(Row("u", 10_000 * at, "a", offset=at) for at in range(100)), frontier_ms=500_000)
    run.restart()
    run.store.asked.clear()
    run.commit(Row("u", 999_999, "b"), frontier_ms=500_000)
    assert run.store.asked == [(500_000 - 10, 2**63 - 1)]
    assert run.judge.rows == 51


def test_old_events_are_read_back_once_and_forgotten_again() -> None:
    with patch.object(candidates, "SPARE_ROWS", 0), patch.multiple(pair_judge, BLOCK_MS=1_000, MOST_ROWS=0):
        run = Run(clicks())
        for at in range(10):
            run.commit(Row("u", 1_000 * at, "a", offset=at), frontier_ms=1_000 * at)
        run.restart()
        run.commit(Row("u", 9_500, "a", offset=20))
        run.store.asked.clear()
        assert len(run.commit(Row("u", 3_005, "b", offset=10))) == 1
        assert run.store.asked == [(2_000, 3_000), (3_000, 4_000)] or run.store.asked == [(3_000, 4_000)]
        run.store.asked.clear()
        assert len(run.commit(Row("u", 3_006, "b", offset=11))) == 1
        assert run.store.asked == []
        rows = run.judge.rows
        run.commit(Row("u", 9_600, "a", offset=21))
        run.judge.forget(9_000)
        assert run.judge.rows < rows
        assert len(run.commit(Row("u", 3_007, "b", offset=12))) == 1
        assert run.store.asked != []


@pytest.mark.parametrize(("rule", "more"), [(clicks(), 0), (lonely(), pair_judge.WAITING_BYTES)])
def test_an_event_takes_the_memory_that_is_said_of_it(rule: PairPlan, more: int) -> None:
    run, rows = Run(rule), 40_000
    run.commit(*(Row(f"{number:08}", number, "a", offset=number) for number in range(rows)))
    run.restart()
    run.commit(Row("z", 0, "c", offset=rows))
    texts = (8 + 4) * rows
    assert run.judge.size_bytes - texts == pytest.approx((pair_judge.EVENT_BYTES + more) * rows, rel=0.05)
