"""Trying a drafted file: is it a pipeline without mistakes, and which of the sampled records would it take."""

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from dataflow.decode.json.contract import judge_record
from dataflow.messages import Refusal
from dataflow.pipeline.load import load
from dataflow.pipeline.plan import Plan
from starter.sample import Sample


@dataclass(frozen=True, slots=True)
class Trial:
    """How many of the sampled records are events, and (reason, field or "") of the others, the commonest first."""

    events: int
    dead: tuple[tuple[str, str, int], ...]


def try_file(text: str, sample: Sample) -> Trial:
    """Load `text` as a pipeline file, and judge every record by it, as a run would (semantics rules 2 and 3).

    Raises PipelineError where the file has mistakes.
    """
    with tempfile.TemporaryDirectory(prefix="tidemill-init-") as folder:
        path = Path(folder) / "pipeline.py"
        path.write_text(text, "utf-8")
        return judge(load(str(path)), sample)


def judge(plan: Plan, sample: Sample) -> Trial:
    """Every record of the sample by the plan."""
    dead: Counter[tuple[str, str]] = Counter()
    events = 0
    for record in sample.records:
        row = judge_record(plan.event, record.value, plan.max_record_bytes)
        if isinstance(row, Refusal):
            dead[row.reason, row.field or ""] += 1
            continue
        at_ms = row[plan.event.event_time.name]
        assert isinstance(at_ms, int)
        limit_ms = None if plan.max_future_ms is None else plan.max_future_ms
        if limit_ms is not None and record.timestamp_ms is not None and at_ms > record.timestamp_ms + limit_ms:
            dead["future_event", plan.event.event_time.name] += 1
        else:
            events += 1
    ranked = sorted(dead.items(), key=lambda item: (-item[1], item[0]))
    return Trial(events, tuple((reason, field, count) for (reason, field), count in ranked))
