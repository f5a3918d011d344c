"""Which snapshot a question is about: the server resolves it, and children never see the catalog."""

import threading
from pathlib import Path

from dataflow.errors import SnapshotExpired
from query.moment import parse_as_of
from query.others import data_folders
from query.resolve import Resolved, Resolver
from serve.sql.place import Place, place_of

_KEPT = 8


class Snapshots:
    """The snapshots that were asked for last, resolved; for any number of threads."""

    def __init__(self, lake: Path) -> None:
        self._resolver = Resolver(lake)
        self._lock = threading.Lock()
        self._known: dict[str | None, Resolved] = {}

    @property
    def lake(self) -> Path:
        """The folder of the lake."""
        return self._resolver.folder

    def close(self) -> None:
        """Close what it holds of the catalog; the next call opens it anew."""
        self._resolver.close()

    def resolve(self, as_of: str | None) -> Resolved:
        """What is visible at `as_of`, the same object while that is the same. Raises LakeError or QueryError."""
        with self._lock:
            known = self._known.get(as_of)
        return self._keep(as_of, self._resolver.resolve(parse_as_of(as_of), known))

    def again(self, as_of: str | None, known: Resolved) -> Resolved:
        """The same snapshot with its files as they lie now; a newer one if it is gone and `as_of` names none."""
        try:
            return self._keep(as_of, self._resolver.resolve_again(known))
        except SnapshotExpired:
            if as_of is not None:
                raise
            return self._keep(as_of, self._resolver.resolve(None))

    def place(self, resolved: Resolved) -> Place:
        """Where its data files are now."""
        return place_of(self.lake, data_folders(resolved.others.values()))

    def _keep(self, as_of: str | None, resolved: Resolved) -> Resolved:
        with self._lock:
            self._known.pop(as_of, None)
            while len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            self._known[as_of] = resolved
        return resolved
