"""Changes of alerts that go out: each once and in order, however often one looks and whatever is merged meanwhile."""

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dataflow import avro, kafka
from emit.alert_changes import AlertChanges
from emit.position import Position
from query.reader import LakeReader
from tests.emit.lakes import product, records
from tests.emit.test_rollup_rows import merge, some_records


@pytest.mark.parametrize("seed", range(2))
def test_every_change_goes_out_once_and_in_order(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    made = product(tmp_path, some_records(seed))
    plan = next(each for each in made.plan.emits if each.name == "alerts.a")
    got: list[Any] = []
    position: Position | None = None
    with LakeReader(tmp_path / "lake") as reader:
        source = AlertChanges(reader, plan)
        for turn in range(14):
            made.poll(rng.randrange(2), 18)
            made.end_epoch()
            if rng.random() < 0.5 or turn == 13:
                batch = source.since(reader.snapshot(), position)
                for each in batch.records:
                    value = json.loads(each.value or "", parse_float=str)
                    assert each.id == f"{value['alert_id']}.{value['change']}"
                    assert (each.rule, each.alert_id, each.change) == (
                        value["rule"],
                        value["alert_id"],
                        value["change"],
                    )
                    got.append(value)
                position = batch.position
            if rng.random() < 0.2:
                merge(tmp_path)
        made.close()
        assert position is not None
        assert list(source.since(reader.snapshot(), position).records) == []
        rows = reader.query("SELECT * FROM alert_changes").to_pylist()
        of_many = AlertChanges(reader, replace(plan, rules=("many",)))
        many = list(of_many.since(reader.snapshot(), None).records)
    assert Counter((each["alert_id"], each["change"], each["state"]) for each in got) == Counter(
        (each["alert_id"], each["change"], each["state"]) for each in rows
    )
    by_id = {(each["alert_id"], each["change"]): each for each in rows}
    for each in got:
        row = by_id[each["alert_id"], each["change"]]
        assert each["key"] == json.loads(row["key"], parse_float=str)
        assert each["values"] == json.loads(row["values"], parse_float=str)
        assert each["message"] == row["message"]
        assert each["window_start"].endswith("Z")
    seen: dict[str, int] = {}
    for each in got:
        assert each["change"] == seen.get(each["alert_id"], 0) + 1
        seen[each["alert_id"]] = each["change"]
    assert any(each["quiet"] for each in got)
    assert {each.rule for each in many} == {"many"}
    assert len(many) == sum(each["rule"] == "many" for each in rows)


def test_a_target_that_begins_now_gets_what_comes_from_now_on(tmp_path: Path) -> None:
    made = product(tmp_path, {"t/0": records([(60_000 * n, "a") for n in range(8)])})
    plan = next(each for each in made.plan.emits if each.name == "alerts.a")
    with LakeReader(tmp_path / "lake") as reader:
        source = AlertChanges(reader, plan)
        made.poll(0, 4)
        made.end_epoch()
        made.end_epoch()
        position = source.newest(reader.snapshot())
        assert not source.moves(reader.snapshot(), position)
        made.poll(0, 4)
        made.end_epoch()
        made.end_epoch()
        assert source.moves(reader.snapshot(), position)
        later = list(source.since(reader.snapshot(), position).records)
        everything = list(source.since(reader.snapshot(), None).records)
        made.close()
    assert 0 < len(later) < len(everything)
    assert everything[-len(later) :] == later


def test_the_values_of_another_form_are_those_of_json(tmp_path: Path) -> None:
    made = product(tmp_path, some_records(0))
    for _ in range(14):
        made.poll(0, 18)
        made.end_epoch()
    made.close()
    plan = next(each for each in made.plan.emits if each.name == "alerts.a")
    typed = replace(plan, target=kafka("a", format=avro()))
    with LakeReader(tmp_path / "lake") as reader:
        snapshot = reader.snapshot()
        texts = list(AlertChanges(reader, plan).since(snapshot, None).records)
        held = list(AlertChanges(reader, typed).since(snapshot, None).records)
    assert texts
    assert [(each.key, each.snapshot) for each in texts] == [(each.key, each.snapshot) for each in held]
    for text, row in zip(texts, held, strict=True):
        assert row.value is None
        told = json.loads(text.value or "")
        found = dict(zip(typed.values.names, row.values, strict=True))
        for name in ("window_start", "window_end"):
            told[name] = round(datetime.fromisoformat(told[name]).timestamp() * 1000)
        for name in ("key", "values"):
            found[name] = json.loads(str(found[name]))
        assert told == found
