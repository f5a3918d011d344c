"""How people want an answer: its format, its file, how many rows, times in which zone."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cli.bar import Bar
from cli.terminal import note
from dataflow.errors import ConfigError, QueryError
from query.formats import (
    BINARY_FORMATS,
    PEOPLES_FORMATS,
    answer_of,
    require_format,
    shape_of,
    write_to,
)
from query.texts import Texts

if TYPE_CHECKING:
    import pyarrow as pa

    from query.reader import LakeReader, LakeSnapshot

SCREEN_ROWS = 100
"""So many rows go to a terminal, unless its user says how many."""


class Wanted(NamedTuple):
    """The flags of an answer, checked. `rows` are read at most: one more than are shown if it `is_cut` for a screen."""

    form: str
    output: Path | None = None
    rows: int | None = None
    zone: str | None = None
    is_cut: bool = False
    more: str = "--limit ROWS shows more"
    """How its user gets more than fits on a screen."""

    def read(self, snapshot: "LakeSnapshot", sql: str, **question: Any) -> "Texts | pa.Table":
        """Ask a snapshot, as `LakeSnapshot.query` takes a question, in the form in which it will be written."""
        if self.form in BINARY_FORMATS:
            return snapshot.query(sql, limit=self.rows, **question)
        return snapshot.texts(sql, shape_of(self.form, self.zone), limit=self.rows, **question)

    def with_known_zone(self, reader: "LakeReader") -> "Wanted":
        """The same with the zone as DuckDB writes it. Raises ConfigError for one that it does not know."""
        if self.zone is None:
            return self
        from query.zones import known_zone

        with reader.parser() as connection:
            return self._replace(zone=known_zone(connection, self.zone))

    def put(self, answer: "Texts | pa.Table | Sequence[Mapping[str, str]]", bar: Bar | None = None) -> None:
        """Write an answer that was read for this, or a table of the command's own; `bar` counts its rows meanwhile.

        A reader that went away (`| head`) ends the command quietly.
        """
        if isinstance(answer, Sequence) or not (isinstance(answer, Texts) or self.form in BINARY_FORMATS):
            answer = answer_of(answer, self.form)
        if bar is not None and self.output is None and sys.stdout.isatty():
            bar.hide()
        elif bar is not None and isinstance(answer, Texts):
            answer = answer.watched(bar.done)
        is_more = self.is_cut and isinstance(answer, Texts) and answer.cut(SCREEN_ROWS)
        try:
            write_to(answer, self.form, self.output, sys.stdout.buffer, terminal=sys.stdout.isatty())
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(0) from None
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            why = f"standard output cannot be written ({error.strerror}); name a file that can, with --output"
            raise QueryError(why) from error
        if is_more:
            ways = ", ".join(filter(None, (self.more, "--output FILE writes all")))
            note(f"the first {SCREEN_ROWS} rows; {ways}")


def wanted(form: str | None, output: Path | None, rows: int | None = None, zone: str | None = None) -> Wanted:
    """What the flags say. Raises ConfigError; for the zone, `with_known_zone` does."""
    name = form or "table"
    terminal = output is None and sys.stdout.isatty()
    require_format(name, terminal=terminal)
    if output is not None:
        from sinks.lake.catalog.enclosing import require_outside

        require_outside("--output", output)
    if zone is not None and name in BINARY_FORMATS:
        raise ConfigError("--tz", zone, f"{name} holds times as numbers, in UTC; leave it out, or take another format")
    is_cut = terminal and rows is None and name in PEOPLES_FORMATS
    return Wanted(name, output, SCREEN_ROWS + 1 if is_cut else rows, zone, is_cut)
