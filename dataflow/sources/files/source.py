"""A folder of files as a source: every *.ndjson and *.parquet file in it is one source partition."""

from pathlib import Path

from dataflow.errors import ConfigError, InputMissing
from dataflow.event.schema import EventSchema
from dataflow.sources.files.lines import LineReader
from dataflow.sources.files.rows import RowReader
from dataflow.sources.source import Hint, Reader

SUFFIXES = (".ndjson", ".parquet")


class FilesSource:
    """Files in name order; a file's stem names its source partition. Every file is read to its end, then finished.

    Records have no timestamp, so there is no future guard. Files that appear later are found by the next start.
    """

    def __init__(self, folder: Path, event: EventSchema | None) -> None:
        """`event` is the model that the rows of Parquet files are written out for; without one, only lines are read.

        Raises InputMissing when the folder or every file in it is missing, ConfigError when two files share a stem.
        """
        self._folder = folder
        self._event = event
        if not folder.is_dir():
            raise InputMissing(f"{folder} is no folder: --input names a folder that holds *.ndjson or *.parquet files")
        self._files: dict[str, Path] = {}
        for path in sorted(folder.iterdir(), key=lambda each: each.name):
            if path.suffix not in SUFFIXES or not path.is_file():
                continue
            if path.stem in self._files:
                names = f"{self._files[path.stem].name} and {path.name}"
                fix = f"{names} would both be source partition {path.stem!r}; rename one"
                raise ConfigError("input", str(folder), fix)
            self._files[path.stem] = path
        if not self._files:
            inside = next((each.parent for each in sorted(folder.glob("*/*")) if each.suffix in SUFFIXES), None)
            other = "another --input" if inside is None else f"a folder that has some, like --input {inside}"
            raise InputMissing(f"{folder} holds no *.ndjson and no *.parquet file: put some there, or name {other}")
        if event is None:
            self._files = {stem: path for stem, path in self._files.items() if path.suffix == ".ndjson"}
            if not self._files:
                raise InputMissing(
                    f"{folder} holds Parquet files alone, which are read by an event model: write one for their "
                    "columns, or put some of their rows there as *.ndjson"
                )

    def partitions(self) -> list[str]:
        """The files' stems, in order of the files' names."""
        return list(self._files)

    def topic_of(self, partition: str) -> str | None:
        """Files belong to no topic."""
        return None

    def open(self, partition: str, next_offset: int | None, hint: Hint, bounded_end: int | None = None) -> Reader:
        """Read one file from line or row `next_offset` (None: its beginning).

        Raises InputMissing when the file is gone, OffsetLost when it was changed before that place.
        """
        path = self._files.get(partition)
        if path is None or not path.is_file():
            where = self._folder / f"{partition}.ndjson" if path is None else path
            raise InputMissing(f"{where} is gone: put it back; what was read of it is in the lake already")
        start = next_offset or 0
        if path.suffix == ".parquet":
            assert self._event is not None, "without a model there are no Parquet files"
            return RowReader(path, start, bounded_end, self._event)
        return LineReader(path, start, hint, bounded_end)

    def end_offsets(self) -> dict[str, int]:
        """Empty: every reader ends at its file's end."""
        return {}

    def waiting(self) -> dict[str, int]:
        """There are no transactions here."""
        return {}

    def is_at_end(self, partition: str) -> bool:
        """A file is read as long as it is."""
        return True

    def partitions_changed(self) -> bool:
        """Never: files that appear later are left for the next start."""
        return False

    def close(self) -> None:
        """Nothing is held open."""
