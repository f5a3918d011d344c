"""What the sink keeps in Bytewax's recovery store: epochs that are staged on disk and not yet in the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataflow.errors import RecoveryError
from dataflow.messages import Range, RollupCount
from dataflow.rules import Rules
from sinks.lake.catalog.staged import ColumnStats, StagedFile

VERSION = 2
"""Of the stored state. Version 1 did not say by which rules a range was judged; it is still read."""

State = dict[str, Any]
"""What a recovery store holds for the sink; its version says what is in it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One staged epoch: its files, and the ledger's ranges that they hold."""

    lineage: str
    epoch: int
    files: tuple[StagedFile, ...]
    ranges: tuple[Range, ...]

    @property
    def offsets(self) -> list[list[str | int]]:
        """[partition, start, end] per source partition, in name order: what makes two manifests the same."""
        return [[entry.partition, entry.start, entry.end] for entry in self.ranges]


def to_state(pending: Sequence[Manifest], epoch: int) -> State:
    """Manifests as plain builtins, so that a stored state outlives changes of these classes.

    `epoch` is the last one that the sink has staged: a lake that has a later one is ahead of this state.
    """
    return {"version": VERSION, "epoch": epoch, "pending": [_builtins(manifest) for manifest in pending]}


def from_state(state: State | None) -> list[Manifest]:
    """The manifests of a stored state; none for None. Raises RecoveryError for a version that is not ours."""
    if state is None:
        return []
    if state.get("version") not in (1, VERSION):
        raise RecoveryError(
            f"the recovery store holds a sink state of version {state.get('version')!r}, this Tidemill reads "
            f"{VERSION}; start it once with the version that wrote it, or take over with `tidemill recover --from-lake`"
        )
    return [_manifest(entry) for entry in state["pending"]]


def without_files(state: State, published: Mapping[str, int]) -> State:
    """A stored state that tells nothing of the files of epochs that the lake has; `published`: the newest by lineage.

    Resumed with either, a sink does the same: of such an epoch only the offsets are compared. A state of another
    version than ours stays as it is.
    """
    if state.get("version") != VERSION:
        return state
    pending = [
        {**entry, "files": []} if entry["epoch"] <= published.get(entry["lineage"], -1) else entry
        for entry in state["pending"]
    ]
    return {**state, "pending": pending}


def _builtins(manifest: Manifest) -> dict[str, object]:
    # dataclasses.asdict copies every value deeply, which took 3 ms an epoch
    return {
        "lineage": manifest.lineage,
        "epoch": manifest.epoch,
        "files": [
            {**_shallow(file), "columns": [_shallow(column) for column in file.columns]} for file in manifest.files
        ],
        "ranges": [
            {
                **_shallow(line),
                "rollups": {name: _shallow(count) for name, count in line.rollups.items()},
                "rules": None if line.rules is None else line.rules.as_json(),
            }
            for line in manifest.ranges
        ],
    }


def _shallow(value: StagedFile | ColumnStats | Range | RollupCount) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__slots__}


def _manifest(entry: Mapping[str, Any]) -> Manifest:
    files = tuple(
        StagedFile(**{**file, "columns": tuple(ColumnStats(**column) for column in file["columns"])})
        for file in entry["files"]
    )
    ranges = tuple(
        Range(
            **{
                **line,
                "rollups": {name: RollupCount(**count) for name, count in line["rollups"].items()},
                "rules": None if line.get("rules") is None else Rules.of_json(line["rules"]),
            }
        )
        for line in entry["ranges"]
    )
    return Manifest(entry["lineage"], entry["epoch"], files, ranges)
