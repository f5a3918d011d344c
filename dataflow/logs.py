"""Structured logs: readable lines on a terminal, one JSON object a line elsewhere, always to standard error."""

import logging
import sys
import threading
from typing import Literal, TextIO

from dataflow.left_out import left_out

with left_out("rich"):
    # for tracebacks in color, which no renderer here makes: it would take longer to import than all else of structlog
    import structlog

LogFormat = Literal["auto", "json", "console"]


def configure(log_format: LogFormat = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Set up structlog for this process; call once, before the first line is logged."""
    stream = stream or sys.stderr
    terminal = log_format == "console" or (log_format == "auto" and stream.isatty())
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty()) if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `part=name`."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound


def tell_dying_threads() -> None:
    """From now on log what ends a thread: Python would write it to a standard error that a run holds back."""

    def told(end: threading.ExceptHookArgs) -> None:
        if end.exc_type is SystemExit:
            return
        name = "unknown" if end.thread is None else end.thread.name
        error = end.exc_value or end.exc_type()
        logger("threads").error("a thread died", thread=name, exc_info=(end.exc_type, error, end.exc_traceback))

    threading.excepthook = told
