"""What was submitted, kept in a small file, so that nobody has to note ids and paths."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dataflow import durable
from dataflow.errors import ConfigError
from flink.cluster.errors import FlinkError


@dataclass(frozen=True, slots=True)
class Remembered:
    """One job: where it was submitted, what, and its last savepoint.

    `statements` and `settings` are those of the session, without the savepoint: with them it goes on as it was.
    `drained`: its end closed the windows that were open, so nothing goes on there.
    """

    name: str
    gateway: str
    rest: str
    job: str
    statements: tuple[str, ...]
    settings: dict[str, str]
    savepoint: str | None = None
    drained: bool = False

    def saved(self, savepoint: str) -> "Remembered":
        """The same with a later savepoint."""
        return replace(self, savepoint=savepoint)


class Memory:
    """The files of one folder: one a job, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, job: Remembered) -> None:
        """Remember the job, in place of what had its name. Only the user may read it: SQL holds passwords at times."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(job.name)
        path.touch(mode=0o600)
        durable.replace(path, json.dumps(asdict(job), indent=1))
        path.chmod(0o600)

    def read(self, name: str | None) -> Remembered:
        """The job of that name; without a name the only one. Raises FlinkError, or ConfigError where several are."""
        names = self.names()
        if name is None and len(names) > 1:
            raise ConfigError("--name", name, f"several jobs are remembered in {self._folder}: {', '.join(names)}")
        if not names or name not in (None, *names):
            known = f"; there is {', '.join(names)}" if names else ""
            what = "no job" if name is None else f"no job {name!r}"
            raise FlinkError(f"{what} is remembered in {self._folder}{known}: `tidemill flink run` submits one")
        told = json.loads(self._path(name or names[0]).read_text())
        return Remembered(**{**told, "statements": tuple(told["statements"])})

    def names(self) -> list[str]:
        """Of all jobs that are remembered."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
