"""A whole pipeline as it is to be written, with what was seen of the source and what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataflow.errors import SourceError
from dataflow.losses.frame import frame_of
from dataflow.losses.shown import shown
from dataflow.spoken import listed
from starter.event_time import EventTimeField, find_event_time
from starter.identity import Identity, find_identity
from starter.model import Nested, build_model
from starter.registered import Registered, by_schema
from starter.rollups import Draft as RollupDraft
from starter.rollups import draft_rollups
from starter.sample import Parsed, Refused, Sample, parse
from starter.seen import observe
from starter.tolerances import Tolerances, tolerances

MOST_BROKEN = 0.5
"""Where more of the sample is no JSON object, this is no topic of JSON."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the sample holds: `refused` records that are no JSON object, by reason, and those without event time."""

    records: int
    partitions: int
    refused: Mapping[str, int]
    timeless: int


@dataclass(frozen=True, slots=True)
class PipelineDraft:
    """All that the file says."""

    name: str
    origin: str
    found: Found
    time: EventTimeField
    model: Nested
    tolerances: Tolerances
    identity: Identity | None
    rollups: tuple[RollupDraft, RollupDraft]
    format: str | None = None
    """As the file writes it; None goes without saying."""


def draft_pipeline(
    sample: Sample,
    name: str,
    origin: str,
    wanted_time: str | None = None,
    of_schema: Registered | None = None,
) -> PipelineDraft:
    """What the sample suggests. `origin` says in words where it comes from ("topic orders").

    `of_schema`: what a registry says of the records, which are JSON in the sample all the same.

    Raises SourceError for a sample without records, of another format than JSON, or without an event time.
    """
    records = sample.records
    if not records:
        raise SourceError(f"{origin} holds no records yet, so there is nothing to tell a pipeline by; try again later")
    judged = [*parse(sample)]
    refused = [each for each in judged if isinstance(each, Refused)]
    parsed = [each for each in judged if isinstance(each, Parsed)]
    # deletions in a compacted topic are no sign of another format
    deleted = sum(each.taken.value is None for each in refused)
    if len(refused) - deleted > MOST_BROKEN * (len(records) - deleted) or not parsed:
        raise SourceError(_no_json(refused, len(records), origin))
    time = find_event_time(parsed, wanted_time)
    dated = [(each, at) for each in parsed if (at := time.read(each.value)) is not None]
    stretches: dict[int, list[tuple[int, int | None]]] = {}
    for each, at in dated:
        stretches.setdefault(each.stretch, []).append((at, each.taken.timestamp_ms))
    events = [each for each, _ in dated]
    model = build_model(observe([each.value for each in events]), time)
    if of_schema is not None:
        by_schema(model, time.path, of_schema)
    return PipelineDraft(
        name=name,
        origin=origin,
        found=Found(len(records), sample.partitions, _by_reason(refused), len(parsed) - len(dated)),
        time=time,
        model=model,
        tolerances=tolerances([*stretches.values()]),
        identity=find_identity(model, events, [at for _, at in dated], name),
        rollups=draft_rollups(model),
        format=None if of_schema is None else of_schema.format,
    )


def _by_reason(refused: Sequence[Refused]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in refused:
        counts[each.refusal.reason] = counts.get(each.refusal.reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _no_json(refused: Sequence[Refused], records: int, origin: str) -> str:
    counts = _by_reason(refused)
    what = f"{origin}: {len(refused):,} of {records:,} sampled records are no JSON objects"
    if counts.keys() == {"tombstone"}:
        return f"{what}: they have no value (tombstones), so there is nothing to tell a pipeline by"
    told = [each for each in refused if each.taken.value]
    causes = [cause for each in told if (cause := frame_of(each.taken.value or b"")) is not None]
    if causes:
        return f"{what}: {causes[0].what}. This cannot be drafted from: {causes[0].fix}"
    reasons = listed([f"{reason} {count:,}" for reason, count in counts.items()])
    example = f", like {shown(told[0].taken.value or b'')}" if told else ""
    return f"{what} ({reasons}){example}. Tidemill reads one JSON object a record, in UTF-8"
