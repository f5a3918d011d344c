"""Are the reports beside a pipeline right? Each is asked over an empty lake of the pipeline."""

import tempfile
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from dataflow.errors import PipelineError, TidemillError
from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS, LEDGER
from dataflow.pipeline.plan import Plan
from dataflow.spelling import suggest
from query.reader import LakeReader, LakeSnapshot
from query.reports.answer import ask
from query.reports.report import Report
from query.reports.shelf import Shelf
from sinks.lake.tables.definition import definition_of
from sinks.lake.tables.prepare import create_lake


def check_reports(
    folder: Path, plan: Plan, now: datetime, *, events: bool, wrong: Collection[str] = ()
) -> list[Report]:
    """The reports of `folder` that belong to the plan's pipeline, each found to be right.

    `wrong`: rollups that the plan lacks because they have mistakes; of their reports only the file itself is checked.
    Raises PipelineError with every mistake of every file.
    """
    definition = definition_of(plan)
    files = Shelf(folder, definition).files()
    if not files:
        return []
    reports: list[Report] = []
    mistakes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tidemill-check-") as work:
        create_lake(Path(work) / "lake", plan, now, events=events).close()
        with LakeReader(Path(work) / "lake") as reader:
            snapshot = reader.snapshot()
            shelf = Shelf(folder, definition, reader.parser)
            for path in files:
                try:
                    read = shelf.read(path)
                    if read.pipeline not in (None, plan.name) or read.view in wrong:
                        continue
                    if wrong and read.view not in snapshot.names():
                        mistakes.append(_no_view(read, [*snapshot.views, *wrong]))
                        continue
                    report = shelf.find(path.stem)
                    assert isinstance(report, Report)
                    mistakes += _mistakes(snapshot, report, now)
                    reports.append(report)
                except PipelineError as error:
                    mistakes += [f"{path.name}, {mistake}" for mistake in error.mistakes]
    if mistakes:
        raise PipelineError(str(folder), mistakes)
    return reports


def check_files(folder: Path, pipeline: str, rollups: Collection[str]) -> None:
    """The same where the pipeline itself cannot be gone on with: only what a file says by itself, and its view.

    Raises PipelineError with every mistake of every file.
    """
    shelf = Shelf(folder, None)
    mistakes: list[str] = []
    for path in shelf.files():
        try:
            read = shelf.read(path)
            if read.pipeline in (None, pipeline) and read.view not in {*rollups, *_TABLES}:
                mistakes.append(_no_view(read, [*rollups]))
        except PipelineError as error:
            mistakes += [f"{path.name}, {mistake}" for mistake in error.mistakes]
    if mistakes:
        raise PipelineError(str(folder), mistakes)


_TABLES = (EVENTS, DEAD_LETTERS, LATE_EVENTS, LEDGER)


def _no_view(report: Report, rollups: list[str]) -> str:
    place = f"{report.path.name}, line {report.lines['view']}: view = {report.view!r}"
    return f"{place}: the pipeline has no such rollup{suggest(report.view, rollups)}"


def _mistakes(snapshot: LakeSnapshot, report: Report, now: datetime) -> Iterator[str]:
    given = {each.name: each.type.example for each in report.parameters if each.required}
    try:
        ask(snapshot, report, given, now)
    except PipelineError:
        raise
    except TidemillError as error:
        yield f"{report.path.name}: cannot be asked with its defaults: {error}"
