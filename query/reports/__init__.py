"""Standing questions: a pipeline's reports, which are .sql files beside it, and one of every rollup without a file."""

from query.reports.answer import Answer, ask, ask_as
from query.reports.header import read_report
from query.reports.report import Parameter, Report, RollupReport
from query.reports.shelf import Shelf, listing, reports_folder

__all__ = [
    "Answer",
    "Parameter",
    "Report",
    "RollupReport",
    "Shelf",
    "ask",
    "ask_as",
    "listing",
    "read_report",
    "reports_folder",
]
