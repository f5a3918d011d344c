"""The newest snapshot of a lake and what its catalog says at the same moment, of the pipeline that filled it last."""

from dataclasses import dataclass
from typing import Any

from dataflow.errors import ConfigError, LakeError
from dataflow.pipeline.definition import fingerprint_of
from dataflow.pipeline.plan import Plan
from proof.erased import ErasedRows
from query.definition import lake_definition
from query.reader import LakeReader, LakeSnapshot
from sinks.lake.catalog.left import Left, left
from sinks.lake.tables.definition import Definition

_TRIES = 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What the catalog says beside the tables, as of the audited snapshot."""

    offsets: dict[str, tuple[int, int | None]]
    digests: dict[int, str]
    published: list[tuple[int, str]]
    erased: ErasedRows
    gone: dict[str, Left]


def settled(reader: LakeReader) -> tuple[LakeSnapshot, Facts]:
    """A snapshot, and what the catalog's own tables say at the same moment, while a pipeline may be writing."""
    for _ in range(_TRIES):
        snapshot = reader.snapshot()
        catalog = reader.resolver.catalog()
        run = catalog.connection.execute
        catalog.begin()
        try:
            newest = catalog.latest().id
            rows = run('SELECT "partition", next, max_event_time FROM own_offset').fetchall()
            digests = dict(run("SELECT data_file_id, digest FROM own_file"))
            published = run("SELECT epoch, ranges FROM own_publish").fetchall()
            erased = ErasedRows.of(catalog.connection)
            gone = left(catalog.connection)
        finally:
            catalog.end()
        offsets = {name: (next_offset, newest_ms) for name, next_offset, newest_ms in rows}
        if newest == snapshot.id:
            return snapshot, Facts(offsets, digests, published, erased, gone)
    raise LakeError(f"{reader.lake_dir} changes faster than it can be looked at; stop the pipeline, then audit")


def require_same(reader: LakeReader, plan: Plan) -> None:
    """Raise ConfigError unless `plan` is what filled the lake last; its dimensions' files may be others.

    The lake has copies of those that it was filled with.
    """
    rows = reader.resolver.catalog().connection.execute("SELECT name, fingerprint FROM own_pipeline").fetchall()
    known = dict(rows)
    if plan.name not in known:
        raise ConfigError(
            "pipeline", plan.name, f"the lake is that of {', '.join(known) or 'no pipeline'}; name its file"
        )
    if known[plan.name] not in (plan.fingerprint, _with_files_of(lake_definition(reader), plan)):
        raise ConfigError(
            "pipeline",
            plan.name,
            "the file is not the one that the lake was filled with last; name that one, or "
            f"run the pipeline once (rollups now: {', '.join(rollup.name for rollup in plan.rollups)})",
        )


def _with_files_of(known: Definition, plan: Plan) -> str:
    """The fingerprint that the plan would have with the dimension files of the lake's last run."""
    sha256 = {each.name: each.sha256 for each in known.dimensions or ()}
    dimensions: Any = plan.definition["dimensions"]
    then = [{**each, "sha256": sha256.get(each["name"], each["sha256"])} for each in dimensions]
    return fingerprint_of({**plan.definition, "dimensions": then})
