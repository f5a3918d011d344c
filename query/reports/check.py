"""Are the reports beside a pipeline right? Each is asked over an empty lake of the pipeline."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from dataflow.errors import PipelineError, TidemillError
from dataflow.pipeline.plan import Plan
from query.reader import LakeReader, LakeSnapshot
from query.reports.answer import ask
from query.reports.report import Report
from query.reports.shelf import Shelf
from sinks.lake.tables.definition import definition_of
from sinks.lake.tables.prepare import create_lake


def check_reports(folder: Path, plan: Plan, now: datetime, *, events: bool) -> list[Report]:
    """The reports of `folder` that belong to the plan's pipeline, each found to be right.

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
                    if shelf.read(path).pipeline not in (None, plan.name):
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


def _mistakes(snapshot: LakeSnapshot, report: Report, now: datetime) -> Iterator[str]:
    given = {each.name: each.type.example for each in report.parameters if each.required}
    try:
        ask(snapshot, report, given, now)
    except PipelineError:
        raise
    except TidemillError as error:
        yield f"{report.path.name}: cannot be asked with its defaults: {error}"
