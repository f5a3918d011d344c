"""A folder of files as a source: every file that can be read in it, or below it, is one source partition."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from dataflow.errors import InputMissing
from dataflow.event.schema import EventSchema
from dataflow.sources.files.container import ContainerReader
from dataflow.sources.files.content import telling
from dataflow.sources.files.content_print import Known
from dataflow.sources.files.empty import EmptyReader
from dataflow.sources.files.folder import Found, FoundFile, look
from dataflow.sources.files.lines import LineReader, Manner
from dataflow.sources.files.outside import Members, members_of, outside_values
from dataflow.sources.files.recognised import Recognised, beginning, recognise, whole_file
from dataflow.sources.files.row_ends import ROW_BYTES
from dataflow.sources.files.rows import RowReader
from dataflow.sources.files.separated import SeparatedReader
from dataflow.sources.source import Hint, Reader


class FilesSource:
    """Files in order of their paths, known by their content, and called by their stems. Every file is read to its end.

    Records have no timestamp, so there is no future guard. Files that appear later are found by the next start.
    """

    def __init__(
        self,
        folder: Path,
        event: EventSchema | None,
        *,
        whole: bool = True,
        known: Mapping[str, Known | None] = MappingProxyType({}),
        max_record_bytes: int | None = None,
    ) -> None:
        """`event` is the model that CSV, Parquet and Avro are read by; without one, only lines of JSON are read.

        `whole`: a last line without its newline counts as it is, as at the end of bounded input; without it, it waits.
        `known`: source partitions that were read before, and by what their files are known. `max_record_bytes`: as the
        pipeline says; rows of CSV may be so long where that is more than ROW_BYTES. Raises InputMissing when the folder
        or every file in it is missing, OffsetLost when one was changed in the part that was read.
        """
        self._folder = folder
        self._event = event
        self._whole = whole
        self._row_bytes = max(ROW_BYTES, max_record_bytes or 0)
        with telling(folder):
            found, files, recognised = self._looked(known)
        self.not_read = found.told(folder)
        """What else lies in the folder, in words; None where everything is read."""
        self._files = recognised.files
        self.copies = recognised.copies
        """Files that are not read, because all that they hold was read before, or is read of another one."""
        if not files:
            raise InputMissing(
                f"{folder} holds Parquet, Avro or CSV files alone, which are read by an event model: write one for "
                "their columns, or put some of their rows there as *.ndjson"
            )

    def _looked(self, known: Mapping[str, Known | None]) -> tuple[Found, list[FoundFile], Recognised]:
        """What is there, what of it is read, and which file is which; looked for anew where one goes meanwhile."""
        for is_last in (False, False, True):
            found = look(self._folder)
            files = [file for file in found.files if self._event is not None or file.form.kind == "lines"]
            try:
                return found, files, recognise(files, known)
            except FileNotFoundError:
                if is_last:
                    raise
        raise AssertionError("the last look returns or raises")

    def partitions(self) -> list[str]:
        """In order of the files' paths; `recognise` says how they are called."""
        return list(self._files)

    def topic_of(self, partition: str) -> str | None:
        """Files belong to no topic."""
        return None

    def open(self, partition: str, next_offset: int | None, hint: Hint, bounded_end: int | None = None) -> Reader:
        """Read one file from line, row or record `next_offset` (None: its beginning).

        Raises InputMissing when the file is gone, OffsetLost when it was changed before that place.
        """
        file = self._files.get(partition)
        if file is None or not file.path.is_file():
            where = self._folder / f"{partition}.ndjson" if file is None else file.path
            raise InputMissing(f"{where} is gone: put it back; what was read of it is in the lake already")
        with telling(file.path):
            return self._open(file, next_offset or 0, hint, bounded_end)

    def _open(self, file: FoundFile, start: int, hint: Hint, bounded_end: int | None) -> Reader:
        outside = {} if self._event is None else outside_values(self._event, file.columns)
        form = file.form
        manner = Manner(form.compression, self._whole, kind=form.kind, first=beginning(file), place=file.name)
        if file.form.kind == "lines":
            if self._event is not None and outside:
                manner = replace(manner, members=Members(members_of(self._event, outside)))
            return LineReader(file.path, start, hint, bounded_end, manner=manner)
        assert self._event is not None, "without a model there are only lines"
        if file.form.kind != "csv" and not file.path.stat().st_size:
            return EmptyReader(file.path, start, whole_file(file, None, hint))
        if file.form.kind == "csv":
            manner = replace(manner, row_bytes=self._row_bytes)
            return SeparatedReader(file.path, start, hint, bounded_end, self._event, outside=outside, manner=manner)
        if file.form.kind == "avro":
            return ContainerReader(
                file.path, start, bounded_end, self._event, outside=outside, manner=manner, hint=hint
            )
        whole = whole_file(file, manner.first, hint)
        return RowReader(file.path, start, bounded_end, self._event, outside=outside, known=whole)

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
