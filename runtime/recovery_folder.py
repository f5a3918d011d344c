"""The recovery folder: Bytewax's store, the lineage it carries, its lock, and the dedup logs beside it."""

import fcntl
import json
import os
import re
import sqlite3
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bytewax.recovery import init_db_dir

from dataflow.durable import replace
from dataflow.errors import RecoveryError

_STORE_FAILURE = re.compile(r'SqliteFailure\(Error \{ code: (?P<code>\w+)[^}]*\}, (Some\("(?P<reason>[^"]*)"\)|None)')

STORE = "part-0.sqlite3"
INTAKE_STEP = "tidemill.intake"
"""What Bytewax calls the step of `dataflow/flow.py` whose states are those of the source partitions."""
LAKE_STEP = "tidemill.lake"
"""The same of the step whose one state is that of the lake's sink."""

_HALF_MADE = {*(f"{STORE}{end}" for end in ("", "-wal", "-shm", "-journal")), "lineage.tmp"}


class RecoveryFolder:
    """One folder per pipeline and lake. `lineage` names the store: a new store is a new lineage.

    Holds `part-0.sqlite3` (Bytewax), `lineage`, `lock-<process>`, `dedup/<source partition>/`, what stalls.py leaves,
    while compaction does not work `compaction.json`, and, after a take-over from the lake, `seed.json`: the states that
    source partitions start from.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._locks: list[int] = []

    @property
    def exists(self) -> bool:
        """True when a store has been made here."""
        return (self.path / "lineage").is_file() and (self.path / STORE).is_file()

    @property
    def lineage(self) -> str:
        """Identity of this store; raises RecoveryError when there is none."""
        try:
            return (self.path / "lineage").read_text(encoding="utf-8").strip()
        except OSError as error:
            raise RecoveryError(
                f"{self.path} is no recovery folder of Tidemill ({error.strerror}); name the folder that the "
                "lake's last run used, or take over with `tidemill recover --from-lake`"
            ) from error

    def create(self) -> str:
        """Make an empty store with a new lineage; the folder must be absent or empty. Returns the lineage."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            strangers = [entry.name for entry in self.path.iterdir() if not entry.name.startswith("lock-")]
            if strangers and not self._half_made(strangers):
                raise RecoveryError(
                    f"{self.path} is not empty (it holds {strangers[0]!r}) and is no recovery folder of Tidemill; "
                    "name another folder with --recovery"
                )
            for name in strangers:
                (self.path / name).unlink()
            init_db_dir(self.path, 1)
            lineage = uuid.uuid4().hex
            replace(self.path / "lineage", lineage)
        except OSError as error:
            raise RecoveryError(
                f"cannot make the recovery folder {self.path}: {error.strerror}; "
                "choose a writable folder with --recovery"
            ) from error
        return lineage

    def lock(self, process: int = 0) -> None:
        """Hold the folder for process `process` of this pipeline until the process ends.

        Raises RecoveryError when another run holds it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / f"lock-{process}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RecoveryError(
                f"cannot use the recovery folder {self.path}: {error.strerror}; "
                "choose a writable folder with --recovery"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise RecoveryError(
                f"the recovery folder {self.path} is in use by process {holder}; stop that run first, or give this "
                "pipeline a folder of its own with --recovery"
            ) from error
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._locks.append(handle)

    def holder(self) -> str | None:
        """Process id of a run that holds this folder, "unknown" if it left none; None if nobody does.

        Changes nothing, and lets go at once.
        """
        for path in sorted(self.path.glob("lock-[0-9]*")):
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            finally:
                os.close(handle)
        return None

    def held_since(self) -> datetime | None:
        """When the run that holds this folder took it; None if nobody does."""
        if self.holder() is None:
            return None
        times = [path.stat().st_mtime for path in self.path.glob("lock-[0-9]*")]
        return datetime.fromtimestamp(max(times), UTC)

    def holders(self) -> list[int]:
        """Process ids in the locks of this folder, held or left behind."""
        found = []
        for path in sorted(self.path.glob("lock-[0-9]*")):
            with suppress(OSError, ValueError):
                found.append(int(path.read_text()))
        return found

    def others(self) -> list[int]:
        """Process ids of the other processes that hold this folder now."""
        found = []
        for path in sorted(self.path.glob("lock-[0-9]*")):
            with suppress(OSError, ValueError), path.open("rb") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    found.append(int(lock.read()))
        return [pid for pid in found if pid != os.getpid()]

    def unlock(self) -> None:
        """Let go of all locks that this object holds."""
        for handle in self._locks:
            os.close(handle)
        self._locks.clear()

    def scrub(self) -> None:
        """Write the store anew without what was deleted from it. Raises RecoveryError while a run holds the folder."""
        self.lock()
        try:
            connection = sqlite3.connect(self.path / STORE, isolation_level=None)
            try:
                connection.execute("PRAGMA temp_store=MEMORY")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise RecoveryError(
                f"the recovery store in {self.path} cannot be rewritten ({error}); correct the folder's permissions or "
                "free space, then run the same command again"
            ) from error
        finally:
            self.unlock()

    def write_seed(self, states: dict[str, Any]) -> None:
        """Set the states (JSON values) that source partitions of a new store start from."""
        replace(self.path / "seed.json", json.dumps(states))

    def seed(self) -> dict[str, Any]:
        """States per source partition to start from where the store has none; empty without a take-over."""
        try:
            states: dict[str, Any] = json.loads((self.path / "seed.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return states

    def dedup_folder(self, partition: str) -> Path:
        """Where a source partition keeps its memory of event ids."""
        return self.path / "dedup" / partition.replace("/", "@")

    def _half_made(self, names: list[str]) -> bool:
        # a crash inside create() leaves the store without its lineage file, which is written last
        return "lineage" not in names and set(names) <= _HALF_MADE


def store_failure(error: BaseException, folder: Path) -> RecoveryError | None:
    """Bytewax's words for a recovery store that it could not write or read, as ours; None for any other error."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        found = _STORE_FAILURE.search(str(current))
        if found:
            return RecoveryError(
                f"the recovery store in {folder} cannot be used: {found['reason'] or found['code']}; nothing was "
                "published that it does not hold. Free space, or correct the folder's permissions, then start again"
            )
        current = current.__cause__ or current.__context__
    return None
