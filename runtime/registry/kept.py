"""A registry's answers kept on disk, so that a restart does not need it: by content, durable before they are used."""

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dataflow.durable import create, replace
from dataflow.errors import RecoveryError, RegistryUnreachable
from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import RegisteredSchema
from runtime.registry.client import Asked

SUFFIX = ".schemas"
"""Beside the recovery folder, which a take-over makes anew: its name with this at the end.

It holds `content/<sha256>.json`, and for each registry `<its address' digest>/<number or GUID>`.
"""

ASK_AGAIN_SECONDS = 1.0


def folder_beside(recovery: Path) -> Path:
    """Where the answers are kept for the pipeline with this recovery folder."""
    return recovery.with_name(recovery.name + SUFFIX)


class KeptSchemas:
    """What a registry answered, from memory, from disk, and only then from itself. For all threads of a process.

    That it has no schema is remembered until the process ends, and never kept: it may have one the next time.
    """

    def __init__(
        self, registry: Asked, url: str, folder: Path, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`folder` is made when there is something to keep."""
        self._registry = registry
        self._content = folder / "content"
        self._names = folder / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._monotonic = monotonic
        self._known: dict[SchemaKey, RegisteredSchema | None] = {}
        self._lock = threading.Lock()
        self._away: tuple[float, str] | None = None

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        """As `Schemas.find`; within a second of a question without an answer there is no new one.

        Raises RecoveryError where an answer cannot be kept, or was changed.
        """
        with self._lock:
            if key not in self._known:
                kept = self._read(key)
                self._known[key] = kept if kept is not None else self._ask(key)
            return self._known[key]

    def _ask(self, key: SchemaKey) -> RegisteredSchema | None:
        if self._away is not None and self._monotonic() < self._away[0]:
            raise RegistryUnreachable(self._away[1])
        try:
            found = self._registry.find(key)
        except RegistryUnreachable as error:
            self._away = self._monotonic() + ASK_AGAIN_SECONDS, str(error)
            raise
        self._away = None
        if found is not None:
            self._keep(key, found)
        return found

    def _keep(self, key: SchemaKey, found: RegisteredSchema) -> None:
        said = {"kind": found.kind, "text": found.text, "references": list(found.references.items())}
        content = json.dumps(said).encode()
        digest = hashlib.sha256(content).hexdigest()
        try:
            self._names.mkdir(parents=True, exist_ok=True)
            path = self._content / f"{digest}.json"
            if not path.exists():
                # another process may have had the same answer
                with suppress(FileExistsError):
                    create(path, memoryview(content))
            replace(self._names / _name(key), digest, suffix=f".{threading.get_native_id()}.tmp")
        except OSError as error:
            raise RecoveryError(
                f"the schema of {key} cannot be kept in {self._names.parent}: {error.strerror}; free space, or correct "
                "the folder's permissions, then start again"
            ) from error

    def _read(self, key: SchemaKey) -> RegisteredSchema | None:
        try:
            digest = (self._names / _name(key)).read_text("utf-8").strip()
            content = (self._content / f"{digest}.json").read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content).hexdigest() != digest:
            raise RecoveryError(
                f"{self._content / digest}.json, a schema kept from the registry, was changed: remove the file, and it "
                "is asked for again"
            )
        said = json.loads(content)
        return RegisteredSchema(said["kind"], said["text"], dict(said["references"]))


def _name(key: SchemaKey) -> str:
    return f"{key.kind}-{key.value}"


def copy_kept(recovery: Path, to: Path) -> None:
    """Give the pipeline with recovery folder `to`, which knows nothing yet, what the one with `recovery` knows."""
    if folder_beside(recovery).is_dir():
        shutil.copytree(folder_beside(recovery), folder_beside(to))
