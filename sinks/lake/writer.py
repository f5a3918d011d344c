"""The two-phase commit into the lake, without Bytewax: stage at an epoch's end, publish once it is durable."""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from dataflow.errors import Gap, LakeError, LakeMissing, RecoveryError
from dataflow.fold.merge import merge_rows
from dataflow.messages import Judged, Parcel, Range
from dataflow.pipeline.names import ALERT_CHANGES, LEDGER
from dataflow.pipeline.tables import TableSpec
from sinks.lake.catalog.catalog import Catalog
from sinks.lake.catalog.contents import note_contents
from sinks.lake.catalog.layout import TableLayout
from sinks.lake.catalog.rules import rules_text
from sinks.lake.catalog.staged import StagedFile
from sinks.lake.commit_stats import CommitStats, stats_of
from sinks.lake.content import read_content
from sinks.lake.fault import Fault, no_fault
from sinks.lake.files import Encoded, encode, write_encoded, write_file
from sinks.lake.frontier import Stand
from sinks.lake.ledger import ledger_rows, merge_ranges
from sinks.lake.leftovers import remove_merged, remove_staged
from sinks.lake.manifest import Manifest, State, from_state, to_state
from sinks.lake.names import SinkFile, sink_file_name, table_folder, unique_name
from sinks.lake.unfolded import Later

if TYPE_CHECKING:
    from sinks.lake.alerting import Alerting

PART = "lake"
KEPT_PUBLISH_KEYS = 1_000
"""Publish keys kept per lineage: far more epochs than a recovery store can lie behind the lake."""

WRITING_THREADS = 8
"""They wait for the disk."""

LARGE_BYTES = 2**20
"""Of an epoch with more rows than that, tables are encoded on several threads."""


class LakeWriter:
    """Buffers parcels per epoch, stages files in `snapshot`, publishes at the first parcel of a later epoch.

    Call `resume` once, then `write` and `snapshot` in turn, as Bytewax does with a sink partition; after `close`,
    `publish_last`. The catalog and
    all its files belong to this writer until another run takes the lake over (Fenced).
    """

    def __init__(
        self,
        catalog: Catalog,
        specs: Sequence[TableSpec],
        *,
        pipeline: str,
        lineage: str,
        clock: Callable[[], datetime],
        on_commit: Callable[[CommitStats], None] | None = None,
        fault: Fault = no_fault,
    ) -> None:
        self._catalog = catalog
        self.beside: Callable[[sqlite3.Connection], None] = lambda _connection: None
        """Called inside the transaction of each commit, for what must change with it."""
        self.alerts: Alerting | None = None
        """What judges the pipeline's alert rules with each epoch, where it has any."""
        self.later: Later | None = None
        """What folds rows that were left unfolded, where any are."""
        self._specs = {spec.name: spec for spec in specs}
        self._pipeline = pipeline
        self._lineage = lineage
        self._clock = clock
        self._on_commit = on_commit
        self._fault = fault
        self._tables: dict[str, TableLayout] = {}
        self._incarnation = 0
        self._parcels: list[Parcel] = []
        self._pending: list[Manifest] = []
        self._seen: set[str] = set()
        self._finished: set[str] = set()
        self._staged_epoch = -1
        self._stage_seconds: dict[int, float] = {}
        self._threads = ThreadPoolExecutor(WRITING_THREADS, thread_name_prefix="stage")

    def resume(self, state: State | None) -> None:
        """Take the lake over, publish what the recovery store proves durable, remove files of former runs.

        `state` is what the last durable `snapshot` returned. Raises Gap when the lake cannot go on from there.
        """
        self._pending = from_state(state)
        if state is not None:
            self._staged_epoch = state["epoch"]
            self._require_newest()
        for manifest in self._pending:
            # the files of a published epoch belong to the catalog: compaction may have replaced them
            if not self._is_published(manifest):
                require_files(manifest, self._catalog.folder)
        self._fault("before_takeover")
        self._incarnation = self._catalog.take_over(self._pipeline, self._lineage)
        self._fault("after_takeover")
        self._tables = self._catalog.tables()
        absent = sorted(set(self._specs) - set(self._tables))
        if absent:
            raise LakeMissing(
                f"the lake {self._catalog.folder} has no table {absent[0]}; open it with its pipeline first"
            )
        self._pending = [self._with_times(manifest) for manifest in self._pending]
        self._publish()
        kept = {(file.table, file.path) for manifest in self._pending for file in manifest.files}
        remove_staged(self._catalog, self._pipeline, self._incarnation, kept, self._fault)
        remove_merged(self._catalog, self._fault)

    def write(self, parcels: Sequence[Parcel]) -> None:
        """Buffer parcels; the first of a later epoch than the last staged one publishes all that is staged."""
        if self.alerts is not None:
            # before the commit of the epoch before, which takes a while
            self.alerts.came(parcels, self._staged_files())
        for parcel in parcels:
            if self._pending and parcel.epoch > self._staged_epoch:
                self._publish()
            if parcel.epoch <= self._staged_epoch or (self._parcels and self._parcels[0].epoch != parcel.epoch):
                expected = self._parcels[0].epoch if self._parcels else self._staged_epoch + 1
                raise LakeError(
                    f"a parcel of epoch {parcel.epoch} reached the sink in epoch {expected}: epochs must end with a "
                    "snapshot each. Run with a recovery store and a snapshot interval of 0 (`tidemill run` does)"
                )
            self._parcels += [parcel] if parcel.unfolded is None else self._folded(parcel, parcel.unfolded)

    def snapshot(self) -> State:
        """End the epoch: stage its files, return all manifests that are not published yet (picklable builtins)."""
        self._fault("before_snapshot")
        if self.later is not None:
            self._parcels += self.later.rest()
        if self._parcels:
            started = time.perf_counter()
            manifest = self._stage(self._parcels)
            self._staged_epoch = self._parcels[0].epoch
            if manifest is not None:
                self._stage_seconds[manifest.epoch] = time.perf_counter() - started
            self._parcels = []
            if manifest is not None:
                self._pending.append(manifest)
        state = to_state(self._pending, self._staged_epoch)
        self._fault("after_snapshot")
        return state

    @property
    def incarnation(self) -> int:
        """Which run this is; once another one has taken the lake over, its catalog says another number."""
        return self._incarnation

    def publish_now(self) -> None:
        """Publish all that is staged without waiting for a later epoch; only where no recovery store could disagree."""
        self._publish()

    @property
    def waits(self) -> bool:
        """Whether something is staged and not published."""
        return bool(self._pending)

    def publish_last(self, state: State | None) -> None:
        """After `close`, once the flow has returned: publish what a start that goes on from `state` would publish.

        `state` is what the recovery store, asked anew, would resume with. Raises RecoveryError, and publishes nothing,
        where an epoch that was staged here is not in it; Fenced when another run has taken the lake over meanwhile.
        """
        staged = {manifest.epoch for manifest in self._pending}
        durable = [manifest for manifest in from_state(state) if manifest.epoch in staged]
        if lacking := staged - {manifest.epoch for manifest in durable}:
            raise RecoveryError(
                f"the recovery store does not go on behind epoch {max(lacking)}, the last one that was written to "
                f"{self._catalog.folder}: nothing of it is published or lost. Start again to read it once more"
            )
        if not durable:
            return
        self._catalog = Catalog.open(self._catalog.folder)
        try:
            for manifest in durable:
                require_files(manifest, self._catalog.folder)
            self._pending = durable
            self._publish()
        finally:
            self._catalog.close()

    def close(self) -> None:
        """Close the catalog. Publishes nothing: the last epoch may not be durable."""
        self._parcels = []
        self._threads.shutdown()
        self._catalog.close()

    def _stage(self, parcels: Sequence[Parcel]) -> Manifest | None:
        epoch = parcels[0].epoch
        ranges = merge_ranges(parcel.range for parcel in parcels)
        told = [entry for entry in ranges if self._worth_telling(entry)]
        batches: dict[str, list[pa.RecordBatch]] = {}
        for parcel in parcels:
            for name, batch in parcel.tables.items():
                if batch.num_rows:
                    batches.setdefault(name, []).append(batch)
        final, at = {parcel.range.partition for parcel in parcels if parcel.final}, self._clock()
        if self.alerts is not None:
            self.alerts.reach(Stand(epoch, told, final, at), self._staged_files())
        if not told and not batches and (self.alerts is None or not self.alerts.due()):
            return None
        tables = {name: pa.Table.from_batches(batches[name]) for name in sorted(batches)}
        if self.alerts is not None:
            self._judge(self.alerts, tables, told)
        if told:
            schema = self._specs[LEDGER].schema
            tables[LEDGER] = ledger_rows(told, schema, epoch=epoch, committed_at=at, final=final)
        if not tables:
            return None
        # small ones on this thread: what others took of the interpreter would cost more than they bring
        at_once = self._threads.map if sum(table.nbytes for table in tables.values()) > LARGE_BYTES else map
        encoded = list(at_once(partial(self._encode, epoch=epoch), tables.items()))
        files = write_encoded(encoded, fault=self._fault, at_once=self._threads.map)
        self._seen |= {entry.partition for entry in told}
        self._finished |= {entry.partition for entry in told if entry.finished}
        return Manifest(self._lineage, epoch, files, tuple(told))

    def _folded(self, parcel: Parcel, rows: Judged) -> list[Parcel]:
        assert self.later is not None, "rows are left to be folded here only where the run has said how"
        self.later.add(rows, parcel.epoch)
        # the first parcel of an epoch stands here at once: those after it are compared with it
        return self.later.due() if self._parcels else self.later.rest()

    def _staged_files(self) -> list[StagedFile]:
        return [file for manifest in self._pending for file in manifest.files]

    def _judge(self, alerts: "Alerting", tables: dict[str, pa.Table], told: Sequence[Range]) -> None:
        """Merge the tables that rules ask for, and add what changes with them."""
        for name in sorted(alerts.tables & tables.keys()):
            tables[name] = merge_rows(self._specs[name], tables[name])
        changes = alerts.changes(tables)
        if changes.num_rows:
            tables[ALERT_CHANGES] = changes
        if told:
            alerts.ended(told)

    def _worth_telling(self, entry: Range) -> bool:
        if entry.end > entry.start or entry.read:
            return True
        # the first line of a run says that the partition is there, the line of its end that it was read to it
        return entry.partition not in self._seen or (entry.finished and entry.partition not in self._finished)

    def _encode(self, named: tuple[str, pa.Table], *, epoch: int) -> Encoded:
        spec, table = self._specs[named[0]], named[1]
        if spec.keys:
            # sorted by window, so that a file's statistics prune
            table = merge_rows(spec, table)
        name = sink_file_name(SinkFile(self._pipeline, epoch, self._incarnation), unique_name())
        return encode(self._catalog.folder, self._tables[spec.name], table, name, quick=True)

    def _require_newest(self) -> None:
        """Raise Gap, before anything is touched, when this recovery store has gone on elsewhere since."""
        (newest,) = self._catalog.one(
            "SELECT max(epoch) FROM own_publish WHERE pipeline = ? AND lineage = ?", self._pipeline, self._lineage
        )
        if newest is not None and newest > self._staged_epoch:
            raise Gap(
                f"the lake {self._catalog.folder} has epoch {newest} of this recovery store, which ends at epoch "
                f"{self._staged_epoch}: it is an older copy, or a run with another copy is at work. Stop that "
                "run, or use its folder; if the newest one is lost, take over with `tidemill recover --from-lake`"
            )

    def _with_times(self, manifest: Manifest) -> Manifest:
        """An epoch that an earlier version staged, with its times as TIMESTAMPs, which its files do not have yet."""
        if self._is_published(manifest):
            return manifest
        files = []
        for file in manifest.files:
            layout = self._tables[file.table]
            former = {column.former_id for column in layout.columns} - {None}
            if former.isdisjoint(column.column_id for column in file.columns):
                files.append(file)
                continue
            path = table_folder(self._catalog.folder, layout.path) / file.path
            content, _ = read_content(path, layout, digest=file.digest, snapshot=0)
            name = sink_file_name(SinkFile(self._pipeline, manifest.epoch, self._incarnation), unique_name())
            files.append(write_file(self._catalog.folder, layout, content, name, fault=self._fault))
        return replace(manifest, files=tuple(files))

    def _is_published(self, manifest: Manifest) -> bool:
        key = (self._pipeline, manifest.lineage, manifest.epoch, PART)
        found = self._catalog.one(
            "SELECT 1 FROM own_publish WHERE pipeline = ? AND lineage = ? AND epoch = ? AND part = ?", *key
        )
        return found is not None

    def _publish(self) -> None:
        while self._pending:
            manifest = self._pending[0]
            started = time.perf_counter()
            snapshot_id = self._publish_one(manifest)
            self._pending.pop(0)
            if snapshot_id is not None and self._on_commit is not None:
                staged = self._stage_seconds.pop(manifest.epoch, 0.0)
                stats = stats_of(manifest, snapshot_id, staged, time.perf_counter() - started)
                alerts = () if self.alerts is None else self.alerts.stats
                self._on_commit(replace(stats, alerts=alerts))

    def _publish_one(self, manifest: Manifest) -> int | None:
        catalog = self._catalog
        key = (self._pipeline, manifest.lineage, manifest.epoch, PART)
        offsets = json.dumps(manifest.offsets, ensure_ascii=False)
        self._fault("before_commit")
        with catalog.transaction() as connection:
            catalog.require_incarnation(self._pipeline, self._incarnation)
            published = catalog.one(
                "SELECT ranges FROM own_publish WHERE pipeline = ? AND lineage = ? AND epoch = ? AND part = ?", *key
            )
            if published is not None:
                if published[0] != offsets:
                    raise Gap(
                        f"epoch {manifest.epoch} was published with offsets {published[0]} and now holds {offsets}: "
                        f"the recovery store is not the one that filled {catalog.folder}. "
                        "Take over with `tidemill recover --from-lake`"
                    )
                return None
            require_contiguous(manifest.ranges, catalog)
            at = self._clock()
            snapshot_id = catalog.append(
                manifest.files,
                at,
                message=f"epoch {manifest.epoch}",
                extra={"lineage": manifest.lineage, "epoch": manifest.epoch},
            )
            connection.executemany(
                'INSERT INTO own_offset("partition", topic, next, max_event_time, finished, since, rules)'
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next,"
                " rules = CASE WHEN excluded.next > next THEN excluded.rules ELSE rules END,"
                " max_event_time = max(coalesce(excluded.max_event_time, max_event_time),"
                " coalesce(max_event_time, excluded.max_event_time)), finished = excluded.finished,"
                " since = CASE WHEN ? THEN excluded.since ELSE coalesce(since, excluded.since) END",
                [_standing(entry, int(at.timestamp() * 1000)) for entry in manifest.ranges],
            )
            note_contents(connection, manifest.ranges)
            connection.execute("INSERT INTO own_publish VALUES (?, ?, ?, ?, ?, ?)", (*key, offsets, snapshot_id))
            connection.execute(
                "DELETE FROM own_publish WHERE pipeline = ? AND lineage = ? AND epoch <= ?",
                (self._pipeline, manifest.lineage, manifest.epoch - KEPT_PUBLISH_KEYS),
            )
            self.beside(connection)
            if self.alerts is not None:
                self.alerts.published(connection, manifest.epoch)
            self._fault("in_commit")
        self._fault("after_commit")
        return snapshot_id


def require_files(manifest: Manifest, folder: Path) -> None:
    """Raise Gap unless every staged file of the manifest is on disk with its full size."""
    for file in manifest.files:
        path = table_folder(folder, file.table) / file.path
        if not path.is_file() or path.stat().st_size != file.size_bytes:
            raise Gap(
                f"epoch {manifest.epoch} is staged, but its file {path} is missing or cut short, so its rows would be "
                "lost. Put the lake folder back as it was, or take over with `tidemill recover --from-lake`"
            )


def require_contiguous(ranges: Sequence[Range], catalog: Catalog) -> None:
    """Raise Gap unless each range starts where the lake ends; a partition new to the lake may start anywhere."""
    ends = {partition: end for partition, (end, _) in catalog.offsets().items()}
    for entry in ranges:
        known = ends.get(entry.partition)
        ends[entry.partition] = entry.end
        if known is not None and known != entry.start:
            what = "would be missing" if entry.start > known else "would count twice"
            first, last = sorted((entry.start, known))
            raise Gap(
                f"source partition {entry.partition}: the lake {catalog.folder} ends at offset {known}, this epoch "
                f"holds [{entry.start}, {entry.end}), so [{first}, {last}) {what}. Recovery folder and lake do not "
                "belong together (one was lost, or restored from a copy): take over with `tidemill recover --from-lake`"
            )


def commit(writer: LakeWriter, parcels: Sequence[Parcel], epoch: int) -> None:
    """Stage and publish `parcels` as epoch `epoch` at once, without waiting for durability elsewhere.

    For side lakes and tests, where no recovery store exists. Epochs must ascend.
    """
    for parcel in parcels:
        parcel.epoch = epoch
    writer.write(parcels)
    writer.snapshot()
    writer.publish_now()


def _standing(entry: Range, at_ms: int) -> tuple[object, ...]:
    """A range as `own_offset` keeps where its source partition stands."""
    place = (entry.partition, entry.topic, entry.end, entry.max_event_time)
    rules = None if entry.rules is None else rules_text(entry.rules)
    return (*place, int(entry.finished), at_ms, rules, int(entry.read > 0))
