"""Every record of a hostile topic looked up in the lake: accepted with its values, or dead for exactly its reason.

What a record is worth is said twice, by code that shares nothing: the row-by-row model of the rules (tests.model) and
the product's own pydantic contract. Both must agree with the lake, and with each other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dataflow.decode.json.contract import judge_record
from dataflow.messages import Refusal
from dataflow.pipeline.declaration import Pipeline
from dataflow.pipeline.plan import make_plan
from proof.dump import dump
from query.reader import LakeReader, LakeSnapshot
from query.times_ms import columns_in_ms
from tests.model import adapter, contract, engine
from tests.model import dump as model_dump
from tests.model.spec import PipelineSpec, Record

Topic = Mapping[str, Sequence[Record]]
"""Source partition -> its records; offsets count from 0 without holes."""

_CONTRACT_REASONS = {
    *("tombstone", "empty", "too_large", "invalid_utf8", "malformed", "not_object"),
    *("missing_field", "wrong_type", "constraint"),
}
_FEW = 20


@dataclass(slots=True)
class Verdict:
    """What was looked at and what was wrong. `problems` holds the first few, in words; empty = all is right."""

    records: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def say(self, problem: str) -> None:
        """Note a problem; past the first few they add nothing."""
        if len(self.problems) < _FEW:
            self.problems.append(problem)


def check(lake: Path, pipeline: Pipeline, folder: Path, topic: Topic) -> Verdict:
    """Compare the lake in `lake`, made by `pipeline` (whose file is in `folder`) with events on, with the records."""
    verdict = Verdict()
    spec = adapter.to_spec(pipeline, folder)
    expected = engine.run(spec, {name: list(records) for name, records in topic.items()})
    with LakeReader(lake) as reader:
        snapshot = reader.snapshot()
        for name, records in topic.items():
            _check_ledger(snapshot, name, expected.counts[name], len(records), verdict)
        _check_records(snapshot, pipeline, folder, spec, topic, expected, verdict)
        _check_tables(snapshot, spec, expected, verdict)
    return verdict


def _check_ledger(snapshot: LakeSnapshot, name: str, counts: engine.Counts, in_topic: int, verdict: Verdict) -> None:
    """Ranges without gap or overlap from 0 to the end, and read = accepted + duplicate + late + dead = records."""
    rows = snapshot.query(
        "SELECT * FROM ledger WHERE partition = $name ORDER BY start_offset, end_offset", parameters={"name": name}
    ).to_pylist()
    at = 0
    for row in rows:
        if row["start_offset"] != at:
            verdict.say(f"{name}: the ledger goes on at {row['start_offset']} after {at}")
        at = row["end_offset"]
    told = {what: sum(row[what] for row in rows) for what in ("read", "accepted", "duplicate", "late", "dead")}
    wanted = {what: getattr(counts, what) for what in told}
    conserved = told["read"] == told["accepted"] + told["duplicate"] + told["late"] + told["dead"]
    if at != in_topic or told["read"] != in_topic or not conserved or told != wanted:
        verdict.say(f"{name}: {in_topic} records up to offset {in_topic}; the ledger ends at {at} with {told}")
    verdict.classes.update(told)


def _check_records(
    snapshot: LakeSnapshot,
    pipeline: Pipeline,
    folder: Path,
    spec: PipelineSpec,
    topic: Topic,
    expected: engine.Tables,
    verdict: Verdict,
) -> None:
    schema = make_plan(pipeline, folder).event
    accepted: dict[str, set[int]] = {name: set() for name in topic}
    for name, offset in expected.accepted:
        accepted[name].add(offset)
    reasons: dict[str, dict[int, str]] = {name: {} for name in topic}
    for name, offset, reason in expected.dead:
        reasons[name][offset] = reason
    fields = {(name, offset): column for name, offset, column in expected.dead_fields}
    for name, records in topic.items():
        rows = _by_offset(snapshot, "events", name, verdict)
        dead = _by_offset(snapshot, "dead_letters", name, verdict)
        if rows.keys() != accepted[name]:
            verdict.say(f"{name}: accepted against the model at {sorted(rows.keys() ^ accepted[name])[:5]}")
        if dead.keys() != reasons[name].keys():
            verdict.say(f"{name}: dead against the model at {sorted(dead.keys() ^ reasons[name].keys())[:5]}")
        verdict.records += len(records)
        verdict.reasons.update(letter["reason"] for letter in dead.values())
        for record in records:
            place, letter, row = f"{name} offset {record.offset}", dead.get(record.offset), rows.get(record.offset)
            judged = judge_record(schema, record.value, pipeline.max_record_bytes)
            if letter is not None:
                _check_letter(place, record, letter, judged, fields.get((name, record.offset)), reasons[name], verdict)
            elif isinstance(judged, Refusal):
                verdict.say(f"{place}: the contract says {judged.reason}, the lake nothing: {_short(record.value)}")
            if row is not None:
                _check_row(place, record, row, judged, contract.read(record.value, spec), verdict)


def _check_letter(
    place: str,
    record: Record,
    letter: dict[str, Any],
    judged: Any,
    column: str | None,
    reasons: Mapping[int, str],
    verdict: Verdict,
) -> None:
    """A dead letter holds the record's very bytes, with the reason and field that model and contract give."""
    if letter["value"] != record.value or letter["record_timestamp"] != record.timestamp:
        verdict.say(f"{place}: the dead letter's bytes are not the record's: {_short(letter['value'])}")
    told = (letter["reason"], letter["field"])
    if told != (reasons.get(record.offset), column):
        verdict.say(f"{place}: {told}, but the model says {reasons.get(record.offset), column}")
    if isinstance(judged, Refusal):
        if (*told, letter["message"]) != (judged.reason, judged.field, judged.message):
            verdict.say(f"{place}: {told} {letter['message']!r}, but the contract says {judged}")
    elif letter["reason"] in _CONTRACT_REASONS:
        verdict.say(f"{place}: {told}, but the contract takes it: {_short(record.value)}")


def _check_row(place: str, record: Record, row: dict[str, Any], judged: Any, modelled: Any, verdict: Verdict) -> None:
    """An accepted row holds the values that model and contract read, and its record's timestamp."""
    if not isinstance(judged, dict) or not isinstance(modelled, dict):
        verdict.say(f"{place}: accepted, but the contract says {judged} and the model {modelled}")
        return
    stored = {column: row[column] for column in judged}
    if stored != judged or stored != modelled or row["record_timestamp"] != record.timestamp:
        verdict.say(f"{place}: the lake holds {stored}, the contract says {judged}, the model {modelled}")


def _check_tables(snapshot: LakeSnapshot, spec: PipelineSpec, expected: engine.Tables, verdict: Verdict) -> None:
    """Rollups, late rows and counts, as canonical text: what hostile records leave of the good ones' answers."""
    wanted = model_dump.texts_of(spec, expected, events=True)
    with TemporaryDirectory(prefix="tidemill-dump-") as folder:
        found = {path.name: path.read_bytes().decode() for path in dump(snapshot, Path(folder))}
    for name in sorted(wanted.keys() | found.keys()):
        ours, theirs = (texts.get(name, "").splitlines() for texts in (found, wanted))
        if ours != theirs:
            pairs = zip([*ours, ""], [*theirs, ""], strict=False)
            verdict.say(f"{name}: {next((pair for pair in pairs if pair[0] != pair[1]), None)} (lake, model)")


def _by_offset(snapshot: LakeSnapshot, table: str, name: str, verdict: Verdict) -> dict[int, dict[str, Any]]:
    columns = columns_in_ms(snapshot.tables[table], [column.name for column in snapshot.tables[table].columns])
    rows = snapshot.query(
        f"SELECT {columns} FROM {table} WHERE partition = $name", parameters={"name": name}
    ).to_pylist()
    found = {row["offset"]: row for row in rows}
    if len(found) != len(rows):
        verdict.say(f"{name}: {len(rows) - len(found)} rows of {table} stand there twice")
    return found


def _short(value: bytes | None) -> str:
    return repr(value if value is None or len(value) < 200 else value[:200] + b"...")
