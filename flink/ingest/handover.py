"""Where a lake stands when a job takes over, and the moment at which it does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from dataflow.errors import ConfigError
from dataflow.messages import NEVER_MS, Range
from dataflow.pipeline.names import EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.rules import Rules
from dataflow.spoken import listed
from flink.generate.manifest import JobManifest, read_manifest
from flink.generate.options import Handover
from flink.ingest.ingest import Standing
from flink.ingest.state import JobState, state_of
from proof.audit.settled import require_same
from proof.history import History
from proof.ledger import read_ledger
from query.definition import lake_definition
from query.reader import LakeReader
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.handover import Handed, begin_handover, handovers, open_handover
from sinks.lake.tables.prepare import open_lake


class Start(NamedTuple):
    """Where a job has to begin: the hand-over, and per partition number the offset from which it reads."""

    handover: Handover
    read_from: Mapping[int, int]


def start_of(lake: Path, plan: Plan, topic: str, *, events: bool) -> Start:
    """Where a job goes on with a topic that has filled the lake so far. Only looks.

    `events`: accepted rows are to be kept where the lake has a table for them. Raises ConfigError where the lake is of
    another pipeline or topic, or a job fills it already.
    """
    with LakeReader(lake) as reader:
        require_same(reader, plan)
        connection = reader.resolver.catalog().connection
        handed = open_handover(connection)
        if handed is not None:
            fix = f"the Flink job {handed.job} fills it: hand it back first with `tidemill flink ingest --hand-back`"
            raise ConfigError("--from-lake", str(lake), fix)
        snapshot = reader.snapshot()
        ranges = ranges_of(reader)
        topics: dict[str, str | None] = dict(connection.execute('SELECT "partition", topic FROM own_offset'))
        stands = standing(reader, plan, topic, ranges)
        if not topics:
            fix = "nothing has been read into it yet; run Tidemill once, or leave the flag out"
            raise ConfigError("--from-lake", str(lake), fix)
        if not stands:
            others = listed(sorted({each or "files" for each in topics.values()}))
            raise ConfigError(
                "topic", topic, f"nothing of it is in the lake {lake}, which goes on with {others}; name that"
            )
        pins = {_number(name): each.next for name, each in stands.items()}
        floors = {_number(name): each.floor_ms for name, each in stands.items() if each.floor_ms is not None}
        return Start(
            Handover(pins, floors, snapshot.id, events and EVENTS in snapshot.tables),
            _from_first(lake, plan, {name: ranges.get(name, []) for name in stands}) or pins,
        )


def _from_first(lake: Path, plan: Plan, ranges: Mapping[str, Sequence[Range]]) -> dict[int, int]:
    """Where duplicates are dropped, which ids are remembered depends on all records before; else nothing."""
    if plan.dedup_column is None:
        return {}
    found = {}
    for name, each in ranges.items():
        rules = {_of_ids(line.rules) for line in each if line.rules is not None and line.end > line.start}
        if rules - {_of_ids(plan.rules)}:
            fix = (
                f"deduplicate_within or out_of_orderness was another one for a part of {name}, so which ids are"
                " remembered cannot be found again by a job; leave this lake to Tidemill"
            )
            raise ConfigError("--from-lake", str(lake), fix)
        if any(line.lost for line in each):
            fix = f"offsets of {name} were lost, and may be there again; leave this lake to Tidemill"
            raise ConfigError("--from-lake", str(lake), fix)
        if each:
            found[_number(name)] = each[0].start
    return found


def _of_ids(rules: Rules) -> tuple[int, int]:
    return rules.out_of_orderness_ms, rules.deduplicate_within_ms


def ranges_of(reader: LakeReader) -> dict[str, list[Range]]:
    """The ledger's ranges per source partition, in offset order."""
    lines = read_ledger(reader.snapshot(), first=lake_definition(reader).first_rules)
    return {name: [line.entry for line in each] for name, each in lines.items()}


def standing(reader: LakeReader, plan: Plan, topic: str, ranges: Mapping[str, Sequence[Range]]) -> dict[str, Standing]:
    """Where the lake stands with the source partitions of a topic."""
    rows = reader.resolver.catalog().connection.execute(
        'SELECT "partition", next, max_event_time FROM own_offset WHERE topic = ?', (topic,)
    )
    found = {}
    for name, following, newest in rows.fetchall():
        floor = History(name, ranges.get(name, ())).before(following)["watermark"]
        if newest is not None:
            floor = max(floor, newest - plan.out_of_orderness_ms)
        found[name] = Standing(following, newest, None if floor == NEVER_MS else floor)
    return found


def fit(catalog: Catalog, manifest: JobManifest) -> JobState | None:
    """How far a job is in the lake that it fills; None where it can begin to.

    Raises ConfigError for a job that begins elsewhere than the lake stands, or is not the one that fills it.
    """
    for handed in handovers(catalog.connection):
        if handed.job == manifest.job and handed.ended:
            fix = (
                "the lake was handed back by this job, and takes nothing more of it; generate another one from the lake"
            )
            raise ConfigError("--job", manifest.job, fix)
        if handed.job != manifest.job and not handed.ended:
            fix = f"the lake is handed over to the job {handed.job}; leave --job out to go on with that"
            raise ConfigError("--job", manifest.job, fix)
        if handed.job == manifest.job:
            return state_of(handed.state)
    topics, offsets = catalog.topics(), catalog.offsets()
    now = {name: following for name, (following, _) in offsets.items() if topics[name] == manifest.topic}
    if now != dict(manifest.pins):
        where = f"{manifest.topic} at {_told(manifest.pins)}, and the lake {catalog.folder} stands at {_told(now)}"
        fix = f"it counts {where}; end that job, and generate it again with --from-lake"
        raise ConfigError("--job", manifest.job, fix)
    return None


def begin(catalog: Catalog, manifest: JobManifest) -> JobState:
    """Hand the lake over to a job, unless that was done; how far it is in. Raises as `fit` does."""
    with catalog.transaction() as connection:
        state = fit(catalog, manifest)
        if state is None:
            state = JobState()
            begin_handover(connection, manifest.pipeline, Handed(manifest.job, manifest.text, state.text, ended=False))
    return state


def opened(lake: Path, plan: Plan, manifest: JobManifest, now: datetime) -> Catalog:
    """The lake, open for what the job writes. Raises ConfigError where its pipeline is another one now."""
    if manifest.fingerprint != plan.fingerprint:
        fix = f"the job {manifest.job} was made from another form of it; name that file, or generate the job again"
        raise ConfigError("pipeline", plan.name, fix)
    return open_lake(lake, plan, now, events=manifest.events)


def going_on(lake: Path) -> JobManifest | None:
    """The job that fills the lake; None where Tidemill itself does."""
    with LakeReader(lake) as reader:
        handed = open_handover(reader.resolver.catalog().connection)
    return None if handed is None else read_manifest(handed.job, handed.manifest)


def found_in(folder: Path) -> JobManifest:
    """The job that was generated in a folder, or beside it for the name of its manifest. Raises ConfigError."""
    from flink.generate.manifest import NAME

    path = folder / NAME if folder.is_dir() else folder
    try:
        text = path.read_text()
    except OSError:
        fix = f"there is no {NAME}; `tidemill flink generate --from-lake` writes one, name its folder"
        raise ConfigError("--job", str(folder), fix) from None
    return read_manifest(str(path), text)


def _number(partition: str) -> int:
    return int(partition.rpartition("/")[2])


def _told(offsets: Mapping[str, int]) -> str:
    return listed([f"{name.rpartition('/')[2]}:{offset}" for name, offset in sorted(offsets.items())]) or "no offset"
