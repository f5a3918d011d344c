"""Rules that change between runs over one topic: each record by those of the run that read it first, and proven."""

from pathlib import Path

import pytest

from proof.dump import dump
from query.reader import LakeReader
from tests.chaos.recount import read_topic
from tests.e2e.test_rules import KEEN, MILD, STRICT, Folder, job
from tests.kafka_fixture import fresh_topic, produce
from tests.model import adapter, engine
from tests.model import dump as texts

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

RECORDS = 300
"""Per partition and run."""


def test_rules_change_between_runs_over_a_topic_at_the_offsets_where_the_last_run_ended(
    kafka: str, tmp_path: Path
) -> None:
    folder, topic = Folder(tmp_path, seed=3), fresh_topic(kafka, 2)
    source = ("--pipeline", "job.py", "--brokers", kafka, "--topic", topic)
    specs = []
    held: engine.Held = {f"{topic}/{number}": {} for number in range(2)}
    for turn, (rules, workers) in enumerate(((STRICT, "1"), (MILD, "2"), (KEEN, "1"))):
        for number in range(2):
            produce(kafka, topic, [folder.line().encode() for _ in range(RECORDS)], partition=number)
        folder.go_by(rules)
        path = tmp_path / f"job_{turn}.py"
        path.write_text(job(rules))
        specs.append(adapter.load(path))
        first = turn * RECORDS
        if turn:
            changed = f"from {topic}/0 offset {first}, {topic}/1 offset {first} on"
            assert changed in folder.tidemill("check", *source)
        ran = folder.tidemill("run", "--bounded", "-w", workers, "--epoch-ms", "50", "--batch-records", "100", *source)
        assert (f"offset {first}" in ran) == bool(turn)
        for offsets in held.values():
            offsets.update(dict.fromkeys(range(first, first + RECORDS), specs[-1]))
    tables = engine.run(specs[0], read_topic(kafka, topic), held=held)
    with LakeReader(tmp_path / "lake") as reader:
        found = {each.name: each.read_text() for each in dump(reader.snapshot(), tmp_path / "dump")}
        told = reader.query("SELECT out_of_orderness_ms, min(start_offset) FROM ledger WHERE read > 0 GROUP BY ALL")
    assert found == texts.texts_of(specs[0], tables, events=True)
    assert tables.late
    rows = sorted(tuple(row.values()) for row in told.to_pylist())
    assert rows == [(0, 2 * RECORDS), (5_000, 0), (120_000, RECORDS)]
    assert "proven" in folder.tidemill("audit", *source)
    assert "every table equals the replay" in folder.tidemill("replay", "--check", *source)
