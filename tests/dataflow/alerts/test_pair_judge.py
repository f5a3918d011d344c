"""Alerts over pairs of events: which stand, whatever the order of commits; and what is forgotten comes back."""

import random
from unittest.mock import patch

import pytest

from dataflow.alerts import candidates, pair_judge, pairing
from tests.dataflow.alerts.pairs import EVER_MS, Run, clicks, lonely, paired, random_rows

RULES = {
    "sequence": lambda: clicks(),
    "sequence_having": lambda: clicks(having="then.x >= first.x", within="7ms"),
    "then": lambda: lonely(),
    "then_having": lambda: lonely(having="then.x >= first.x"),
    "first": lambda: lonely("first"),
    "first_having": lambda: lonely("first", within="1ms", having="then.x >= first.x"),
    "no_key": lambda: clicks(key=[]),
}


def told(run: Run) -> set[tuple[object, ...]]:
    """The raised alerts by the offsets of their events, which are those of one row each."""
    import json

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
