"""The reports that there are: the files beside the pipeline, and one for every rollup of the lake without a file."""

from collections.abc import Collection, Mapping
from functools import lru_cache, partial
from pathlib import Path

from dataflow.errors import ConfigError, PipelineError
from dataflow.pipeline.place import split_place
from dataflow.spelling import suggest
from query.reports.header import parse_report, text_of
from query.reports.report import Report, RollupReport
from query.reports.statement import Parser, own_parser
from sinks.lake.tables.definition import Definition


def reports_folder(pipeline: str) -> Path:
    """Where the reports of the pipeline `PATH[:NAME]` are: `reports/` beside its file."""
    return split_place(pipeline)[0].parent / "reports"


class Shelf:
    """The reports of `folder`, which need not be there, over a lake of `definition`; None while there is no lake.

    `known`: the names of what the lake holds, so that a list can say which reports are about something else.

    Files are read when they are asked for, so a mistake in one does not hide the others. `parser`: where a reader of
    the lake is open, its own, which costs nothing.
    """

    def __init__(
        self,
        folder: Path,
        definition: Definition | None,
        parser: Parser = own_parser,
        known: Collection[str] | None = None,
    ) -> None:
        self.folder = folder
        self._pipeline = None if definition is None else definition.name
        self._rollups = {} if definition is None else definition.by_name
        self._known = known
        self._values = {} if definition is None else definition.values
        self._parse = lru_cache(maxsize=256)(partial(parse_report, parser=parser))

    def names(self) -> list[str]:
        """All names: those of files first."""
        files = self.file_names()
        return [*files, *(name for name in self._rollups if name not in files)]

    def file_names(self) -> list[str]:
        """The reports that have a file; those that say they belong to another pipeline are left out."""
        return [path.stem for path in self.files() if self._is_ours(path)]

    def files(self) -> list[Path]:
        """Every report file, by name."""
        return sorted(self.folder.glob("*.sql"))

    def read(self, path: Path) -> Report:
        """The report of a file as it is now, parsed once. Raises PipelineError with all its mistakes."""
        return self._parse(path, text_of(path))

    def find(self, name: str) -> Report | RollupReport:
        """The report of that name. Raises ConfigError if there is none, PipelineError if its file has mistakes."""
        if name in {path.stem for path in self.files()}:
            report = self.read(self.folder / f"{name}.sql")
            if report.pipeline in (None, self._pipeline) or self._pipeline is None:
                return report._replace(rollup=self._rollups.get(report.view))
            if name not in self._rollups:
                owners = (
                    f"belongs to pipeline {report.pipeline}, this lake to {self._pipeline}; name another with --lake"
                )
                raise ConfigError("report", name, f"{report.path} {owners}")
        if name in self._rollups:
            rollup = self._rollups[name]
            # an aggregate may be called like a column of the event, a key cannot
            return RollupReport(rollup, {key: self._values[key] for key in rollup.key_names if key in self._values})
        hint = suggest(name, names) if (names := self.names()) else ""
        raise ConfigError(
            "report", name, f"no file {self.folder / name}.sql and no rollup of this lake has this name{hint}"
        )

    def lacks(self, report: Report | RollupReport) -> bool:
        """Whether the lake is known to hold nothing of the name that the report asks."""
        return (
            isinstance(report, Report)
            and self._known is not None
            and report.rollup is None
            and (report.view not in self._known)
        )

    def _is_ours(self, path: Path) -> bool:
        try:
            pipeline = self.read(path).pipeline
        except PipelineError:
            return True
        return self._pipeline is None or pipeline in (None, self._pipeline)


def listing(shelf: Shelf) -> list[Mapping[str, str]]:
    """What there is, a line each: `report`, `title`, `parameters` as the command line takes them."""
    return [_line(shelf, name) for name in shelf.names()]


def _line(shelf: Shelf, name: str) -> Mapping[str, str]:
    try:
        report = shelf.find(name)
    except PipelineError as error:
        return {"report": name, "title": f"(cannot be asked) {error.mistakes[0]}", "parameters": ""}
    if shelf.lacks(report):
        title = f"(cannot be asked) {report.view} is not in this lake"
        return {"report": name, "title": title, "parameters": ""}
    return {"report": name, "title": report.title, "parameters": ", ".join(map(str, report.parameters))}
