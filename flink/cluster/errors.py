"""What can go wrong between us and a Flink cluster, beside wrong settings."""

from dataflow.errors import TidemillError


class FlinkError(TidemillError):
    """Flink did not do what it was asked to."""


class AlreadyRuns(FlinkError):
    """A cluster of this folder runs; it was left as it is."""


class Unreachable(FlinkError):
    """Nobody answers at the address of a JobManager or gateway."""


class Refused(FlinkError):
    """The other side answered with an error. `causes` are its own words, the innermost last."""

    def __init__(self, message: str, causes: tuple[str, ...] = (), status: int = 500) -> None:
        super().__init__(message)
        self.causes = causes
        self.status = status

    def __reduce__(self) -> tuple[type["Refused"], tuple[str, tuple[str, ...], int]]:
        return (type(self), (str(self), self.causes, self.status))


class JobFailed(FlinkError):
    """A job ended by itself, and not well."""
