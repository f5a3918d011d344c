"""Rows that go out, looked for at any time between commits and compactions: together they are what the view has."""

import json
import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dataflow import avro, kafka
from dataflow.pipeline.emit_plan import EmitPlan
from emit.ledger import LakeLedger
from emit.position import Position
from emit.rollup_rows import RollupRows
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.tables.specs import specs_of_lake
from sinks.lake.upkeep.compact import compact
from sinks.lake.upkeep.expire import Retention
from tests.emit.lakes import NOW, ledger_of, made_lake, product, records
from tests.harness import Product
from tests.model.spec import Record

AT_ONCE = Retention(timedelta(0), timedelta(0), timedelta(hours=1), timedelta(0), timedelta(0))
"""Nothing of the past stays, but for what is not sent yet."""


class Taker:
    """A topic's other side: what it got, one `take` after the other."""

    def __init__(self, made: Product, reader: LakeReader, emit: EmitPlan, ledger: LakeLedger) -> None:
        self.reader, self.emit, self.ledger = reader, emit, ledger
        self.source = RollupRows(reader, made.plan, emit)
        self.position: Position | None = None
        self.got: list[tuple[str, Any]] = []

    def take(self) -> int:
        snapshot = self.reader.snapshot()
        if self.position is not None and not self.source.moves(snapshot, self.position):
            return 0
        batch = self.source.since(snapshot, self.position)
        fresh = [
            (each.key, None if each.value is None else json.loads(each.value, parse_float=str))
            for each in batch.records
        ]
        self.got += fresh
        self.position = batch.position
        self.ledger.remember(batch.position)
        return len(fresh)

    @property
    def newest(self) -> dict[str, Any]:
        return {key: value for key, value in dict(self.got).items() if value is not None}


def merge(folder: Path) -> None:
    catalog = Catalog.open(folder / "lake")
    compact(catalog, specs_of_lake(catalog), clock=lambda: NOW + timedelta(days=1), retention=AT_ONCE)
    catalog.close()


def shown(reader: LakeReader, view: str, names: list[str], where: str = "true") -> list[dict[str, Any]]:
    """Rows of a view as they are sent."""
    rows = reader.query(f"SELECT * FROM {view} WHERE {where}").to_pylist()
    found = []
    for row in rows:
        told = {name: row[name] for name in names}
        for name in ("window_start", "window_end"):
            text = told[name].isoformat()
            told[name] = (text.rstrip("0") if "." in text else text) + "Z"
        told["cost"] = str(told["cost"])
        found.append(told)
    return found


def as_texts(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def some_records(seed: int) -> dict[str, list[Record]]:
    rng = random.Random(seed)
    partitions = {}
    for number in range(2):
        at, events = 1_764_000_000_000 - 40_000 * number, []
        for _ in range(120):
            at += rng.choice((0, 500, 2_000, 9_000))
            events.append((at - rng.choice((0, 0, 4_000, 14_000, 40_000)), rng.choice("abc")))
        partitions[f"t/{number}"] = records(events)
    return partitions


def names_of(emit: EmitPlan) -> list[str]:
    assert emit.rollup is not None
    keys = [key.name for key in emit.rollup.keys]
    return [*keys, "window_start", "window_end", *(each.name for each in emit.rollup.aggregates)]


@pytest.mark.parametrize("seed", range(2))
def test_what_goes_out_comes_to_the_views(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    made = product(tmp_path, some_records(seed))
    ways = [each for each in made.plan.emits if each.rollup is not None]
    with LakeReader(tmp_path / "lake") as reader:
        takers = [
            Taker(made, reader, each, ledger_of(tmp_path, each.name, each.rollup.name)) for each in ways if each.rollup
        ]
        for _ in range(16):
            made.poll(rng.randrange(2), rng.choice((5, 16)))
            if rng.random() < 0.7:
                made.end_epoch()
            for taker in takers:
                if rng.random() < 0.4:
                    taker.take()
            if rng.random() < 0.15:
                merge(tmp_path)
        for number in range(2):
            made.poll(number, 1_000)
        made.beat(finished=True)
        for _ in range(3):
            made.end_epoch(finished=True)
        made.close()
        for taker in takers:
            taker.take()
            assert taker.take() == 0
            assert taker.emit.rollup is not None
            rollup, names = taker.emit.rollup, names_of(taker.emit)
            if taker.emit.when == "every_commit":
                assert as_texts(list(taker.newest.values())) == as_texts(
                    shown(reader, rollup.name, [*names, "late_count"])
                )
                continue
            rows = [value for _, value in taker.got]
            first = [json.dumps([row[name] for name in names[:-3]]) for row in rows if not row["correction"]]
            if not rollup.merges_windows:
                assert len(set(first)) == len(first)
            told = taker.newest
            values = [{name: row[name] for name in names} for row in told.values()]
            wanted = as_texts(shown(reader, rollup.name, names, "is_final"))
            if rollup.merges_windows:
                assert set(wanted) <= set(as_texts(values))
            else:
                assert as_texts(values) == wanted
        assert any(row["correction"] for taker in takers for _, row in taker.got if row and "correction" in row)


def test_a_window_that_leaves_has_no_value_any_more_and_waits_until_it_was_sent(tmp_path: Path) -> None:
    days = [(86_400_000 * day + 1_764_000_000_000, "ab"[day % 2]) for day in range(6)]
    made = product(tmp_path, {"t/0": records(days)}, keep="2d")
    ways = [each for each in made.plan.emits if each.rollup is not None]
    with LakeReader(tmp_path / "lake") as reader:
        takers = [
            Taker(made, reader, each, ledger_of(tmp_path, each.name, each.rollup.name)) for each in ways if each.rollup
        ]
        made.poll(0, 1)
        made.end_epoch()
        made.end_epoch()
        for taker in takers:
            taker.take()
        made.poll(0, 5)
        for _ in range(3):
            made.end_epoch()
        merge(tmp_path)
        assert len(reader.query("FROM minutes").to_pylist()) == 6, "nothing leaves before it is sent"
        for taker in takers:
            taker.take()
        merge(tmp_path)
        left = shown(reader, "minutes", names_of(ways[1]))
        assert len(left) < 6
        (newest,) = [taker for taker in takers if taker.emit.when == "every_commit"]
        before = len(newest.got)
        assert len(newest.newest) == 6
        newest.take()
        gone = newest.got[before:]
        assert [value for _, value in gone] == [None] * (6 - len(left))
        assert len(newest.newest) == len(left)
        made.close()


@pytest.mark.parametrize("topic", ["f", "n", "s", "v"])
def test_the_values_of_another_form_are_those_of_json(tmp_path: Path, topic: str) -> None:
    made_lake(tmp_path)
    plan = product(tmp_path / "plan", {}).plan
    emit = next(each for each in plan.emits if each.name.endswith(f".{topic}"))
    typed = replace(emit, target=kafka(topic, format=avro()))
    with LakeReader(tmp_path / "lake") as reader:
        snapshot = reader.snapshot()
        texts = list(RollupRows(reader, plan, emit).since(snapshot, None).records)
        held = list(RollupRows(reader, plan, typed).since(snapshot, None).records)
    assert texts
    assert [each.key for each in texts] == [each.key for each in held]
    names = typed.values.names
    for text, row in zip(texts, held, strict=True):
        assert row.value is None
        told = json.loads(text.value or "", parse_float=Decimal)
        assert list(told) == names
        for name in ("window_start", "window_end"):
            told[name] = round(datetime.fromisoformat(told[name]).timestamp() * 1000)
        assert told == dict(zip(names, row.values, strict=True))
