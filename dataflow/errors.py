"""The exceptions Tidemill raises, one tree.

    TidemillError                exit 1
    ├── ConfigError              exit 2: a setting or flag is wrong; before any data moves
    ├── PipelineError            exit 2: the pipeline file is wrong; lists every mistake at once
    ├── SourceError              exit 3: the input cannot be read
    │   ├── BrokerUnreachable    no broker answered
    │   ├── UnknownTopic         the topic does not exist
    │   ├── OffsetLost           our next offset is gone (retention, truncation, topic created anew)
    │   ├── InputMissing         the folder or file to read is not there
    │   ├── RegistryUnreachable  the schema registry gave no answer
    │   ├── SchemaRefused        the schema registry does not take a schema of what leaves the lake
    │   ├── TooManyDead          more of the input became dead letters than `fail_dead` allows
    │   └── StoppedEarly         exit 0: an end was asked for before the input had answered
    ├── RecoveryError            exit 4: the recovery folder is missing, in use, or of another lake
    ├── LakeError                exit 5: the lake cannot be read or written
    │   ├── LakeMissing          no catalog at this path
    │   ├── ForeignLake          the folder holds something that is not this pipeline's lake
    │   ├── NewerLake            a later version of Tidemill wrote the lake
    │   ├── LakeUnwritable       permission or disk
    │   ├── Fenced               another run has taken the lake over
    │   ├── DimensionLost        rows cannot be joined as they were: no copy of the file is kept
    │   ├── Gap                  a commit does not continue where the lake ends
    │   └── ConservationError    a record would vanish or count twice
    └── QueryError               the question cannot be answered
        ├── SnapshotExpired      the snapshot that was asked is not kept any more
        ├── SqlRefused           a question to the server asks for what it does not answer
        ├── SqlTooLong           it took longer than it may
        ├── SqlTooMuch           it needs more memory, processor time or text than it may
        ├── SqlBusy              others are being answered; ask again in a moment
        ├── SqlCancelled         who asked took it back
        └── SqlFailed            the process that answered it is gone

Exit codes are handed down. Every message says what happened, where, and how to fix it.
"""


class TidemillError(Exception):
    """Base of all errors that Tidemill raises on purpose.

    `exit_code` is what the command line ends with when the error reaches it.
    """

    exit_code = 1


class ConfigError(TidemillError):
    """A setting is wrong: names the key, the value and the fix."""

    exit_code = 2

    def __init__(self, key: str, value: object, fix: str) -> None:
        super().__init__(f"{key} = {value!r}: {fix}")
        self.key = key
        self.value = value
        self.fix = fix

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, object, str]]:
        return (type(self), (self.key, self.value, self.fix))


class PipelineError(TidemillError):
    """The pipeline definition is wrong: every mistake found, one a line."""

    exit_code = 2

    def __init__(self, where: str, mistakes: list[str]) -> None:
        lines = "\n".join(f"  - {mistake}" for mistake in mistakes)
        noun = "mistake" if len(mistakes) == 1 else "mistakes"
        super().__init__(f"{where}: {len(mistakes)} {noun}\n{lines}")
        self.where = where
        self.mistakes = mistakes

    def __reduce__(self) -> tuple[type["PipelineError"], tuple[str, list[str]]]:
        return (type(self), (self.where, self.mistakes))


class SourceError(TidemillError):
    """The input cannot be read."""

    exit_code = 3


class BrokerUnreachable(SourceError):
    """No broker answered."""


class UnknownTopic(SourceError):
    """The topic does not exist."""


class OffsetLost(SourceError):
    """The next offset to read is not in the source any more."""


class RegistryUnreachable(SourceError):
    """The schema registry gave no answer; a run asks it again until it does."""


class SchemaRefused(SourceError):
    """The schema registry does not take a schema: it does not fit the ones before it, or may not be registered."""


class InputMissing(SourceError):
    """The folder or file to read is not there."""


class TooManyDead(SourceError):
    """A larger share of the records became dead letters than the run may have; all that was read is committed."""


class StoppedEarly(SourceError):
    """An end was asked for while the input was still being opened: nothing was read, nothing is wrong."""

    exit_code = 0


class RecoveryError(TidemillError):
    """The recovery folder is missing, in use, or belongs to another lake."""

    exit_code = 4


class LakeError(TidemillError):
    """The lake cannot be read or written."""

    exit_code = 5


class LakeMissing(LakeError):
    """There is no catalog at this path."""


class ForeignLake(LakeError):
    """The folder holds something that is not this pipeline's lake."""


class NewerLake(LakeError):
    """The lake has a format that a later version of Tidemill made."""


class LakeUnwritable(LakeError):
    """Permission or disk."""


class Fenced(LakeError):
    """Another run has taken the lake over; this one must stop."""


class DimensionLost(LakeError):
    """Rows cannot be joined as they were when they were read: the dimension's file of that time is not there."""


class Gap(LakeError):
    """A commit does not continue where the lake ends; restarting cannot help."""


class ConservationError(LakeError):
    """A record would vanish or count twice."""


class QueryError(TidemillError):
    """The question cannot be answered as asked."""


class SnapshotExpired(QueryError):
    """The snapshot that was asked is not kept any more, and its files are gone; a newer one can be asked."""


class SqlRefused(QueryError):
    """A question to the server asks for what it does not answer: more than one SELECT, files, settings, internals."""


class SqlTooLong(QueryError):
    """A question to the server took longer than it may."""


class SqlTooMuch(QueryError):
    """A question to the server needs more memory, processor time or text than it may."""


class SqlBusy(QueryError):
    """All that answer are taken and enough others wait; `retry_after_s` says when to ask again."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[type["SqlBusy"], tuple[str, float]]:
        return (type(self), (str(self), self.retry_after_s))


class SqlCancelled(QueryError):
    """Who asked took the question back, or the server is ending."""


class SqlFailed(QueryError):
    """The process that answered is gone or said what it must not say; another one has taken its place."""
