"""`tidemill init`: a pipeline file for a topic, or a folder of files, that nobody has described yet."""

import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import Given, takes, words
from cli.terminal import show
from query.text_table import TextTable

if TYPE_CHECKING:
    from runtime.settings import Settings
    from starter.draft import PipelineDraft
    from starter.model import Nested
    from starter.reading import Bounds
    from starter.sample import Sample
    from starter.trial import Trial

PIPELINES = Path("pipelines")
"""Where a new file goes, if there is such a folder."""

_NOTE_CHARS = 100
_URL = "schema.registry.url"


@takes("source", "input", "brokers", "topic", "kafka")
def init(
    given: Given,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to write (default: named after the topic, in pipelines/)."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    time_field: Annotated[
        str | None,
        typer.Option("--time", metavar="FIELD", help="The field of the event time, if the choice would be another."),
    ] = None,
    records: Annotated[int, typer.Option(min=1, max=1_000_000, help="Most records to look at.")] = 20_000,
    registry: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The schema registry that has the schema of the topic's records."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Longest time to read them.", metavar="SECONDS")] = 10.0,
) -> None:
    """Look at some records of a topic, or of a folder of NDJSON files, and write a pipeline file for them.

    The oldest and newest records of each source partition are read; no consumer group is joined and no offset noted.
    With --registry, their types are those of the newest schema under TOPIC-value. Comments in the file say what was
    seen and where it was unsure.
    """
    from dataflow import durable
    from dataflow.errors import ConfigError
    from runtime.settings import load_settings
    from starter.draft import draft_pipeline
    from starter.pipeline_file import pipeline_text
    from starter.reading import Bounds
    from starter.trial import try_file

    settings = load_settings(_completed(given, registry))
    name, target = _named(settings, output)
    _require_free(target, force=force)
    asked = None if registry is None else _Registered(settings)
    sample = _sample(settings, Bounds(records, seconds=seconds))
    origin = f"folder {settings.require_input()}" if settings.source == "files" else str(settings.topics)
    read, schema = (sample, None) if asked is None else (asked.as_json(sample), asked.schema)
    draft = draft_pipeline(read, name, origin, time_field, schema)
    trial = try_file(pipeline_text(draft), sample, None if asked is None else asked.registry)
    try:
        durable.replace(target, pipeline_text(draft, trial), durable=False)
    except OSError as error:
        raise ConfigError("--output", str(target), f"cannot be written: {error.strerror}; name another file") from None
    show(*_summary(draft, trial), "", f"Written: {target}. Its comments say what is unsure.", "")
    _show_next(_next(given, settings, draft, target))


def _show_next(commands: list[str]) -> None:
    show("Next (without --bounded, a run goes on with what comes):", "")
    show(*(f"  {command}" for command in commands))


def _completed(given: Given, registry: str | None) -> Given:
    """Also with what goes without saying; the commands that are printed have it, too."""
    if given["input"] is not None and given["source"] is None:
        given["source"] = "files"
    if registry is not None:
        given["kafka"] = {**(given["kafka"] or {}), _URL: registry}
    return given


class _Registered:
    """The registry, and what it says of the topic's records. Raises ConfigError, SourceError, RegistryUnreachable."""

    def __init__(self, settings: "Settings") -> None:
        from dataflow.errors import ConfigError
        from runtime.registry.client import RegistryClient
        from runtime.registry.open import registry_properties
        from starter.registered import registered

        if settings.source != "kafka":
            fix = "a registry has the schemas of a topic; name one with --topic"
            raise ConfigError("--registry", settings.source, fix)
        self.registry = RegistryClient(registry_properties(settings))
        self.schema = registered(self.registry, settings.topic)

    def as_json(self, sample: "Sample") -> "Sample":
        """The sample to look at."""
        from starter.registered import as_json

        return sample if self.schema.format is None else as_json(sample, self.registry)


def _sample(settings: "Settings", bounds: "Bounds") -> "Sample":
    from dataflow import logs
    from runtime.sources import open_to_look
    from starter.reading import take_sample

    # what stands in the way is told by the error that ends the command
    logs.configure("auto", "critical")
    source = open_to_look(settings)
    try:
        return take_sample(source, bounds, monotonic=time.monotonic, sleep=time.sleep)
    finally:
        source.close()


def _named(settings: "Settings", output: Path | None) -> tuple[str, Path]:
    """The pipeline's name, and the file to write. Raises ConfigError."""
    from dataflow.errors import ConfigError
    from starter.python_text import slug

    if settings.source == "generator":
        raise ConfigError("source", "generator", "pipelines/ads.py describes it; name a topic or a folder of files")
    if settings.source == "kafka" and "topic" not in settings.places:
        raise ConfigError("topic", None, "name the topic with --topic, or a folder of NDJSON files with --input")
    if output is not None:
        return slug(output.stem, "pipeline"), output
    of = settings.require_input().resolve().name if settings.source == "files" else settings.topic
    name = slug(of, "pipeline")
    return name, (PIPELINES if PIPELINES.is_dir() else Path()) / f"{name}.py"


def _require_free(target: Path, *, force: bool) -> None:
    from dataflow.errors import ConfigError

    if target.is_dir():
        raise ConfigError("--output", str(target), "is a folder; name a Python file in it")
    if target.suffix != ".py":
        raise ConfigError("--output", str(target), f"is no name of a Python file; write {target}.py or so")
    if target.exists() and not force:
        raise ConfigError(
            "--output", str(target), "is there already; name another file with --output, or write over it with --force"
        )
    if not target.parent.is_dir():
        raise ConfigError("--output", str(target), f"there is no folder {target.parent}; make it first")


def _summary(draft: "PipelineDraft", trial: "Trial") -> list[TextTable | str]:
    from dataflow.spoken import counted
    from starter.python_text import plain

    found = draft.found
    table = TextTable(["field", "type", "what was seen"])
    _fields(table, draft, draft.model, "")
    lines: list[TextTable | str] = [
        f"{draft.origin}: {counted(found.records, 'record')} of {counted(found.partitions, 'source partition')}",
        "",
        table,
        "",
        f"Disorder: {draft.tolerances.disorder_seen}.",
    ]
    for rollup in draft.rollups:
        keys = ", ".join(rollup.keys) or "all"
        lines.append(f"Rollup {rollup.name}: {', '.join(name for name, _ in rollup.aggregates)} by {keys}.")
    dead = found.records - trial.events
    if dead == 0:
        lines.append("All of the sample fits.")
    else:
        told = [
            f"{count:,} {reason}{f' at {plain(field)}' if field else ''}" for reason, field, count in trial.dead[:3]
        ]
        more = f" and {counted(len(trial.dead) - 3, 'other reason')}" if len(trial.dead) > 3 else ""
        lines.append(f"Of the sample {dead:,} would be dead letters: {', '.join(told)}{more}.")
    return lines


def _fields(table: TextTable, draft: "PipelineDraft", model: "Nested", above: str) -> None:
    from starter.model import Leaf
    from starter.python_text import plain

    for child in model.children:
        if not isinstance(child, Leaf):
            made = f"{child.class_name} | None" if child.optional else child.class_name
            table.add_row(f"{above}{child.name}", made, _short(plain("; ".join(child.notes))))
            _fields(table, draft, child, f"{above}{child.name}.")
            continue
        type_ = f"{child.type.text} | None" if child.optional else child.type.text
        notes = "; ".join(child.notes)
        if child.seen.path == draft.time.path:
            notes = f"the event time: it {draft.time.why}"
        elif draft.identity is not None and draft.identity.column == child.column:
            notes = "; ".join([f"identifies the event: {draft.identity.why}", *child.notes])
        table.add_row(plain(child.column), type_, _short(plain(notes)))
    for key, why in model.left_out:
        table.add_row(f"{above}{plain(key)}", "(left out)", _short(plain(why)))


def _short(text: str) -> str:
    return text if len(text) <= _NOTE_CHARS else f"{text[: _NOTE_CHARS - 3]}..."


def _next(given: Given, settings: "Settings", draft: "PipelineDraft", target: Path) -> list[str]:
    """Commands that work when they are pasted: check, run to the present end, ask."""
    # no flag holds a secret in the open: it refers to one, which the user's shell must not look up
    source = words(given)
    pipeline = ["--pipeline", str(target)]
    lake, recovery = Path(draft.name) / "lake", Path(draft.name) / "recovery"
    # a lake goes on with the source that filled it
    own = settings.lake.exists() or settings.recovery.exists()
    there = ["--lake", str(lake)] if own else []
    kept = [*there, "--recovery", str(recovery)] if own else []
    by = [
        *(["--top", "10", "--by", draft.rollups[0].aggregates[0][0]] if draft.rollups[0].keys else []),
        "--last",
        "1h",
    ]
    return [
        shlex.join([_program(), *each])
        for each in (
            ["check", *pipeline, *kept],
            ["run", *pipeline, *source, *kept, "--bounded"],
            ["report", draft.rollups[0].name, *by, *there],
        )
    ]


def _program() -> str:
    """How this program is called: by its name, where a shell finds it."""
    called = Path(sys.argv[0])
    found = shutil.which("tidemill")
    if called.name != "tidemill" or (found is not None and Path(found).resolve() == called.resolve()):
        return "tidemill"
    here = Path.cwd()
    return str(called.relative_to(here)) if called.is_absolute() and called.is_relative_to(here) else str(called)
