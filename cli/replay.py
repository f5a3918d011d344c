"""`tidemill replay --check`: the pipeline run once more into a lake at the side, and both lakes compared."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.audit import JsonFlag
from cli.lakes import open_reader
from cli.options import GENERATOR, SOURCE, Given, takes, words
from cli.selection import FromFlag, PartitionFlag, SinceFlag, ToFlag, UntilFlag, selected
from cli.terminal import show_json
from runtime.exit_code import as_shell, in_words

if TYPE_CHECKING:
    from dataflow.pipeline.plan import Plan
    from proof.replay import ReplayRange, TableComparison
    from query.reader import LakeReader
    from runtime.settings import Settings
    from sinks.lake.catalog.left import Left
    from sinks.lake.tables.definition import Definition


@takes(*SOURCE, "fetch", "lake", "workers", "processes", *GENERATOR)
def replay(
    given: Given,
    check: Annotated[bool, typer.Option("--check", help="Compare the replayed lake with the live one.")] = False,
    partition: PartitionFlag = None,
    start: FromFlag = None,
    end: ToFlag = None,
    since: SinceFlag = None,
    until: UntilFlag = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Replay into this new folder and leave it.", metavar="DIR")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Process the lake's source again, with any number of workers, and compare every table with the live lake.

    Exit code 0 when all tables are equal, 1 when one is not. The live lake is only read.
    """
    from dataflow.pipeline.load import load
    from proof import replay as replaying
    from proof.backfill.wholeness import not_whole
    from proof.erased import ErasedRows, side_tables
    from proof.left import kept_sql, left_of
    from query.reader import LakeReader
    from runtime.registry.kept import copy_kept
    from runtime.settings import load_settings

    _require_purpose(check)
    settings = load_settings(given)
    plan = load(settings.pipeline)
    selection = selected(partition, start, end, since, until)
    with open_reader(settings.lake) as reader, _folder(keep) as folder:
        live = reader.snapshot()
        definition = _with_every_rollup(reader, plan, settings.pipeline)
        ranges = replaying.replay_ranges(live, selection, definition.first_rules)
        replaying.require_dimensions(ranges, plan, reader.lake_dir)
        copy_kept(settings.recovery, folder / "recovery")
        flags = words({key: value for key, value in given.items() if key != "lake"})
        flags += ["--group", f"{settings.group}-check", "--events" if "events" in live.tables else "--no-events"]
        _require_runs(flags, folder, settings, reader, ranges)
        partial = None if selection.is_everything else ranges
        erased = ErasedRows.of(reader.resolver.catalog().connection)
        with LakeReader(folder / "lake") as side:
            gone = left_of(reader)
            kept = kept_sql(gone, plan, live)
            later = not_whole(live)
            found = replaying.compare(live, side.snapshot(), partial, erased, side_tables(plan), kept, later)
    not_compared = [*_not_compared(gone, found, erased.counts, partial=partial is not None), *later.told()]
    equal = all(each.is_equal for each in found)
    (_tell_json if as_json else _tell)(live.id, ranges, found, not_compared, equal)
    raise typer.Exit(0 if equal else 1)


def _require_purpose(check: bool) -> None:
    from dataflow.errors import ConfigError

    if not check:
        raise ConfigError("--check", False, "say what the replay is for: `tidemill replay --check`")


def _with_every_rollup(reader: "LakeReader", plan: "Plan", pipeline: str) -> "Definition":
    """The lake's definition. Raises ConfigError when the lake has a rollup that its replay would lack."""
    from dataflow.errors import ConfigError
    from query.definition import lake_definition

    definition = lake_definition(reader)
    gone = sorted(definition.by_name.keys() - {rollup.name for rollup in plan.rollups})
    if gone:
        fix = (
            f"the lake has {', '.join(gone)}, which this file has no longer, so a replay would lack it: put it back "
            "into a copy of the file and name that with --pipeline; what the lake read without it, it does not hold"
        )
        raise ConfigError("pipeline", pipeline, fix)
    return definition


_WINDOWS_LEFT_OUT = "windows and counts: they are sums over all offsets, and only a part was asked for"


def _not_compared(
    gone: "dict[str, Left]", found: "list[TableComparison]", erased: Mapping[str, int], *, partial: bool
) -> list[str]:
    """What the replay could not compare, and why."""
    from proof.left import what_left

    names = {each.table for each in found}
    told = [": ".join(what_left(name, each)) for name, each in gone.items() if name in names]
    told += [f"{rows:,} rows of {name}, erased from the lake on purpose" for name, rows in erased.items()]
    return [*told, _WINDOWS_LEFT_OUT] if partial else told


def _require_runs(
    flags: list[str], folder: Path, settings: "Settings", reader: "LakeReader", ranges: "list[ReplayRange]"
) -> None:
    for each, parts in _by_source(settings, reader, ranges):
        _write_ranges(folder, each, reader, parts)
        _require_run([*flags, *_source(settings, each), *_side_lake(folder)])


def _by_source(
    settings: "Settings", reader: "LakeReader", ranges: "list[ReplayRange]"
) -> "Iterator[tuple[Settings, list[ReplayRange]]]":
    """Each source of the lake with its ranges: they are replayed one after the other. Raises ConfigError where the
    settings do not name all of them.
    """
    from dataflow.errors import ConfigError
    from proof.reopen import settings_of
    from runtime.same_source import Kept

    sources = settings_of(settings, reader)
    if sources == [settings]:
        yield settings, ranges
        return
    topics = dict(reader.resolver.catalog().connection.execute('SELECT "partition", topic FROM own_offset'))
    kept = Kept(settings.lake, settings.recovery, topics, None)
    parts = [[each for each in ranges if kept.origin(each.partition) == _origin(source)] for source in sources]
    left = sorted({each.partition for each in ranges} - {each.partition for some in parts for each in some})
    if left:
        fix = f"{left[0]} came from another source than is named: name all with --input, --brokers and --topic"
        raise ConfigError("source", settings.source, fix)
    yield from ((source, some) for source, some in zip(sources, parts, strict=True) if some)


def _origin(settings: "Settings") -> tuple[str, str]:
    return settings.source, settings.topic if settings.source == "kafka" else ""


def _source(settings: "Settings", each: "Settings") -> list[str]:
    """The flags of one source of several."""
    return [] if each is settings else ["--source", each.source, "--topic", each.topic, "--add-source"]


def _write_ranges(folder: Path, settings: "Settings", reader: "LakeReader", ranges: "list[ReplayRange]") -> None:
    """What the replay reads; of the generator, of the stream that began when the lake's did."""
    from dataflow.sources.generator.adstream import AdStream
    from dataflow.sources.ranged import SourceRange, write_ranges
    from proof.reopen import generator_start
    from sinks.lake.catalog.contents import contents

    hint = None
    if settings.source == "generator":
        stream = AdStream(settings.generator_seed, settings.generator_partitions, settings.generator_rate)
        hint = generator_start(stream, reader)
    told = contents(reader.resolver.catalog().connection)
    lake = str(reader.lake_dir)
    parts = {
        each.partition: SourceRange(
            each.start, each.end, hint, each.marks, told.get(each.partition), lake, lost=each.lost
        )
        for each in ranges
    }
    write_ranges(folder / "ranges.json", parts)


def _side_lake(folder: Path) -> list[str]:
    places = ["--lake", str(folder / "lake"), "--recovery", str(folder / "recovery")]
    return [*places, "--ranges", str(folder / "ranges.json"), "--bounded", "--generator-unpaced", *_QUIET]


_QUIET = ["--metrics-port", "0", "--log-level", "warning", "--compact-every", "0s"]


def _require_run(flags: Sequence[str]) -> None:
    """Run the pipeline; what it ends with is our end, too, unless that is 0."""
    code = _run(flags)
    if code:
        own = "; its own message stands above" if code > 0 else ""
        typer.echo(f"error: the replay {in_words(code)}{own}", err=True)
        raise typer.Exit(as_shell(code))


def _run(flags: Sequence[str]) -> int:
    """Run the pipeline in a process of its own; ^C and SIGTERM end both."""
    from runtime.program import this_command

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    # a session of its own: ^C reaches this process, which then stops the replay in order
    environment = {name: value for name, value in os.environ.items() if name != "TIDEMILL_FAULT"}
    job = subprocess.Popen(this_command(["run", *flags]), start_new_session=True, stdout=sys.stderr, env=environment)
    try:
        return job.wait()
    except BaseException:
        job.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            job.wait(20)
        job.kill()
        raise


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    from dataflow.errors import ConfigError
    from sinks.lake.catalog.enclosing import require_outside

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="tidemill-replay-") as name:
            yield Path(name)
        return
    require_outside("--keep", keep)
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise ConfigError("--keep", str(keep), "is there already; name a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep


def _tell_json(
    snapshot_id: int, ranges: "list[ReplayRange]", found: "list[TableComparison]", not_compared: list[str], equal: bool
) -> None:
    document = {
        "snapshot": snapshot_id,
        "equal": equal,
        "ranges": [
            {"partition": each.partition, "start": each.compared, "end": each.end, "replayed_from": each.start}
            for each in ranges
        ],
        "tables": [each.as_json() for each in found],
        "not_compared": not_compared,
    }
    show_json(document)


def _tell(
    snapshot_id: int, ranges: "list[ReplayRange]", found: "list[TableComparison]", not_compared: list[str], equal: bool
) -> None:
    for part in ranges:
        typer.echo(f"{part.partition}: replayed [{part.start}, {part.end}), compared from {part.compared}")
    width = max(len(each.table) for each in found)
    typer.echo(f"{'table':{width}}  {'rows':>10}  {'hash live':16}  {'hash replayed':16}  equal")
    for each in found:
        word = "yes" if each.is_equal else f"NO, {each.rows_replayed} rows"
        typer.echo(f"{each.table:{width}}  {each.rows:>10,}  {each.hash_live[:16]}  {each.hash_replayed[:16]}  {word}")
    for what in not_compared:
        typer.echo(f"not compared: {what}")
    verdict = "every table equals the replay" if equal else "the lake differs; `tidemill audit` names the place"
    typer.echo(f"snapshot {snapshot_id}: {verdict}")
