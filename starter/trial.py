"""Trying a drafted file: is it a pipeline without mistakes, and which of the sampled records would it take."""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from dataflow.formats.schemas import Schemas
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from starter.sample import Sample, decode


@dataclass(frozen=True, slots=True)
class Trial:
    """How many of the sampled records are events, and (reason, field or "") of the others, the commonest first."""

    events: int
    dead: tuple[tuple[str, str, int], ...]


def try_file(text: str, sample: Sample, schemas: Schemas | None = None) -> Trial:
    """Load `text` as a pipeline file, and judge every record by it, as a run would (semantics rules 2 and 3).

    `schemas`: the registry that knows the records' schemas, where they have some.

    Raises PipelineError where the file has mistakes.
    """
    with tempfile.TemporaryDirectory(prefix="tidemill-init-") as folder:
        path = Path(folder) / "pipeline.py"
        path.write_text(text, "utf-8")
        return judge(replace(load(str(path)), schemas=schemas), sample)


def judge(plan: Plan, sample: Sample) -> Trial:
    """Every record of the sample by the plan."""
    found = decode(plan, sample)
    dead = Counter((refusal.reason, refusal.field or "") for refusal in found.refusals)
    records = sample.records
    time = plan.event.event_time.name
    events = 0
    for at, at_ms in zip(found.events_at.tolist(), found.events.column(time).to_pylist(), strict=True):
        stamp_ms = records[at].timestamp_ms
        if plan.max_future_ms is not None and stamp_ms is not None and at_ms > stamp_ms + plan.max_future_ms:
            dead["future_event", time] += 1
        else:
            events += 1
    ranked = sorted(dead.items(), key=lambda item: (-item[1], item[0]))
    return Trial(events, tuple((reason, field, count) for (reason, field), count in ranked))
