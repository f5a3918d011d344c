"""The text of a pipeline file: what a person would write, with a comment wherever the sample left a doubt."""

from collections.abc import Iterator

from dataflow.spoken import counted, listed
from starter.draft import PipelineDraft
from starter.event_time import DECLARED
from starter.model import Leaf, Nested
from starter.python_text import WIDTH, comment, literal, plain
from starter.rollups import Draft as RollupDraft
from starter.trial import Trial

DECLARATIONS = "tidemill"
"""The package that a pipeline file imports its declarations, aggregates and windows from."""

_UNUSED_SHOWN = 20


def pipeline_text(draft: PipelineDraft, trial: Trial | None = None) -> str:
    """The file. `trial`: what the sampled records become by it, where that is known."""
    body = [line for model in [*draft.model.nested(), draft.model] for line in ["", "", *_class(model, draft)]]
    lines = [*_docstring(draft, trial), "", *_imports(draft, "\n".join(body)), *body, "", "", *_pipeline(draft)]
    return "\n".join(lines) + "\n"


def _docstring(draft: PipelineDraft, trial: Trial | None) -> Iterator[str]:
    found = draft.found
    origin = plain(draft.origin[:1].upper() + draft.origin[1:])
    many = "" if found.partitions == 1 else f" of {found.partitions} source partitions"
    yield f'"""{origin}: a pipeline to begin with.'
    yield ""
    seen = counted(found.records, "record")
    yield f"Written by `tidemill init` from {seen}{many}. Comments say what was seen and what is"
    yield "unsure. Change what you know better; `tidemill check` finds mistakes."
    told = [*_told(draft, trial)]
    if told:
        yield ""
        yield from told
    yield '"""'


def _told(draft: PipelineDraft, trial: Trial | None) -> Iterator[str]:
    """What of the sample does not fit."""
    if trial is None or not trial.dead:
        return
    dead = sum(count for _, _, count in trial.dead)
    yield f"Of the sample {counted(trial.events, 'record')} fit, and {dead:,} would be dead letters:"
    for reason, field, count in trial.dead[:5]:
        yield f"  {count:,} {reason}{f' at {plain(field)}' if field else ''}"
    if len(trial.dead) > 5:
        yield f"  and {counted(len(trial.dead) - 5, 'other reason')}"


def _imports(draft: PipelineDraft, body: str) -> Iterator[str]:
    leaves = [*draft.model.leaves()]
    text = "\n".join(leaf.type.text for leaf in leaves)
    if any(leaf.type.text == "date" for leaf in leaves):
        yield "from datetime import date"
    typing = [name for name in ("Annotated", "Literal") if f"{name}[" in body]
    if typing:
        yield f"from typing import {', '.join(typing)}"
    if typing or "date" in text.split("\n"):
        yield ""
    limits = [name for name in ("Ge", "Len", "MaxLen") if f" {name}(" in body]
    if limits:
        yield f"from annotated_types import {', '.join(limits)}"
    field = ", Field" if "Field(" in body else ""
    yield f"from pydantic import BaseModel{field}"
    yield ""
    names = sorted(
        {DECLARED[draft.time.unit], "Pipeline", "Rollup", *(["Money"] if "Money" in text.split("\n") else [])}
        | ({draft.format.partition("(")[0]} if draft.format is not None else set())
    )
    yield f"from {DECLARATIONS} import {', '.join(names)}"
    yield f"from {DECLARATIONS} import aggregates as agg"
    yield f"from {DECLARATIONS}.windows import tumble"


def _class(model: Nested, draft: PipelineDraft) -> Iterator[str]:
    is_event = model is draft.model
    yield f"class {model.class_name}(BaseModel):"
    what = "One record" if is_event else f"The object at {plain('.'.join(model.seen.path))}"
    yield f'    """{what}."""'
    yield ""
    for child in model.children:
        if isinstance(child, Leaf) and child.seen.path == draft.time.path:
            yield from comment(f"the event time: it {draft.time.why}", 4)
            if draft.time.others:
                yield from comment(f"{listed([plain(each) for each in draft.time.others])} could be it, too", 4)
        elif child.notes:
            yield from comment(plain("; ".join(child.notes)), 4)
        yield f"    {_field(child)}"
    if model.left_out:
        yield "    # left out:"
        for key, why in model.left_out[:_UNUSED_SHOWN]:
            yield from comment(f"- {plain(key)} {why}", 4)
        if len(model.left_out) > _UNUSED_SHOWN:
            yield from comment(f"- and {len(model.left_out) - _UNUSED_SHOWN} more", 4)


def _field(child: Leaf | Nested) -> str:
    """The line, as long as it may be: a constraint gives way."""
    types = [child.class_name] if isinstance(child, Nested) else [child.type.text, child.type.plain]
    alias = None if child.name == child.seen.key else f"alias={literal(child.seen.key)}"
    lines = []
    for text in types:
        annotation = f"{text} | None" if child.optional else text
        if alias is not None:
            default = f" = Field({'None, ' if child.optional else ''}{alias})"
        else:
            default = " = None" if child.optional else ""
        lines.append(f"{child.name}: {annotation}{default}")
    return next((line for line in lines if len(line) + 4 <= WIDTH), lines[-1])


def _pipeline(draft: PipelineDraft) -> Iterator[str]:
    patience = draft.tolerances
    yield "pipeline = Pipeline("
    yield f"    name={literal(draft.name)},"
    yield f"    event={draft.model.class_name},"
    if draft.format is not None:
        yield f"    format={draft.format},"
    yield from comment(patience.disorder_seen, 4)
    yield f"    out_of_orderness={literal(patience.out_of_orderness)},"
    yield f"    allowed_lateness={literal(patience.allowed_lateness)},"
    yield '    idle_timeout="30s",'
    yield from comment(patience.future_seen, 4)
    if patience.max_future is not None:
        yield f"    max_future={literal(patience.max_future)},"
    if draft.identity is not None:
        yield from comment(f"it identifies an event: {draft.identity.why}", 4)
        yield f"    deduplicate_by={literal(draft.identity.column)},"
        yield f"    deduplicate_within={literal(draft.identity.within)},"
    else:
        yield from comment("no field was seen to identify an event; if one does: deduplicate_by, deduplicate_within", 4)
    yield "    rollups=["
    for rollup in draft.rollups:
        yield from _rollup(rollup)
    yield "    ],"
    yield ")"


def _rollup(rollup: RollupDraft) -> Iterator[str]:
    yield from comment(plain(rollup.why), 8)
    yield "        Rollup("
    yield f"            {literal(rollup.name)},"
    yield f"            keys=[{', '.join(map(literal, rollup.keys))}],"
    yield f"            window=tumble({literal(rollup.size)}),"
    yield "            aggregates={"
    for name, code in rollup.aggregates:
        yield f"                {literal(name)}: {code},"
    yield "            },"
    yield "        ),"
