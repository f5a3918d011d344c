"""Which records a rollup never saw: those read before it was added, after it was taken out, or in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataflow.pipeline.names import LEDGER
from dataflow.spoken import counted, moment
from dataflow.sql import quoted, text
from doctor.finding import Finding, ok, warning
from query.reader import LakeSnapshot
from sinks.lake.catalog.backfills import Backfilled, whole_from

CHECK = "rollups"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Valid records that were read while the pipeline did not have a rollup, by when; times of commits, in ms.

    `filled`: those of them that it got later; `missed`: those that were late for all rollups of their time, and so are
    in none of its windows; `whole_from_ms`: windows that begin earlier were not filled.

    `first_ms` and `last_ms` are the first and last commit that the rollup took part in, None where it never has.
    """

    rollup: str
    first_ms: int | None
    last_ms: int | None
    before: int
    between: int
    after: int
    hole_from_ms: int | None
    hole_to_ms: int | None
    filled: int = 0
    whole_from_ms: int | None = None
    missed: int = 0

    @property
    def is_whole(self) -> bool:
        """True when it saw every record."""
        return not (self.before or self.between or self.after)


def coverage(snapshot: LakeSnapshot, rollup: str) -> Coverage:
    """What the ledger tells of one rollup: its counts are NULL in ranges that were read without it."""
    marks = snapshot.backfilled.get(rollup, ())
    row: Mapping[str, Any] = snapshot.query(
        'WITH lines AS (SELECT "read" - dead - duplicate AS valid, committed_at AS told,'
        f" {quoted(f'{rollup}_counted')} IS NOT NULL AS seen, {_is_filled(marks)} AS filled FROM {LEDGER}),"
        " known AS (SELECT min(told) FILTER (seen) AS first, max(told) FILTER (seen) AS last FROM lines),"
        " missed AS (SELECT valid, told, told < first AS early, coalesce(told > last, true) AS late"
        " FROM lines, known WHERE NOT seen AND NOT filled AND valid > 0)"
        " SELECT epoch_ms(first) AS first_ms, epoch_ms(last) AS last_ms, m.* FROM known, (SELECT"
        " coalesce(sum(valid) FILTER (early), 0)::BIGINT AS before,"
        " coalesce(sum(valid) FILTER (NOT early AND NOT late), 0)::BIGINT AS between_,"
        " coalesce(sum(valid) FILTER (late), 0)::BIGINT AS after,"
        " epoch_ms(min(told) FILTER (NOT early AND NOT late)) AS hole_from_ms,"
        " epoch_ms(max(told) FILTER (NOT early AND NOT late)) AS hole_to_ms FROM missed) AS m"
    ).to_pylist()[0]
    return Coverage(
        rollup,
        row["first_ms"],
        row["last_ms"],
        row["before"],
        row["between_"],
        row["after"],
        row["hole_from_ms"],
        row["hole_to_ms"],
        sum(mark.filtered + mark.counted + mark.late for mark in marks),
        whole_from(snapshot.backfilled, rollup),
        sum(mark.missed for mark in marks),
    )


def _is_filled(marks: Sequence[Backfilled]) -> str:
    """SQL that is true of pieces of the ledger that a rollup got later."""
    parts = [
        f'("partition" = {text(mark.partition)} AND start_offset >= {mark.start} AND end_offset <= {mark.end})'
        for mark in marks
    ]
    return f"({' OR '.join(parts) or 'false'})"


def coverage_finding(found: Sequence[Coverage]) -> Finding:
    """One finding for all rollups: a hole is a warning; a later beginning or an end is only told."""
    told = [text for each in found for text in _told(each)]
    details = {each.rollup: _json(each) for each in found if not each.is_whole or each.filled}
    if not told:
        return ok(CHECK, "every rollup has seen every record")
    if any(each.between for each in found):
        return warning(
            CHECK,
            "; ".join(told),
            "its windows of that time are too low: tidemill backfill fills it from `events`, as far as that reaches",
            rollups=details,
        )
    return ok(CHECK, "; ".join(told), rollups=details)


def _told(each: Coverage) -> list[str]:
    told = []
    if each.filled:
        since = "" if each.whole_from_ms is None else f", and is whole for windows from {moment(each.whole_from_ms)} on"
        out = f", but for {counted(each.missed, 'record')} that had been late for all others" if each.missed else ""
        told.append(f"{each.rollup} got {counted(each.filled, 'event')} later, from `events`{out}{since}")
    if each.first_ms is None or each.last_ms is None:
        came = counted(each.after, "record")
        return [*told, f"{each.rollup} has seen no record yet, {came} came before it"] if each.after else told
    if each.between:
        assert each.hole_from_ms is not None
        assert each.hole_to_ms is not None
        told.append(
            f"{each.rollup} lacks {counted(each.between, 'record')} read from {moment(each.hole_from_ms)} to "
            f"{moment(each.hole_to_ms)}, while the pipeline did without it"
        )
    if each.before:
        told.append(f"{each.rollup} begins at {moment(each.first_ms)}, {counted(each.before, 'record')} came before it")
    if each.after:
        told.append(
            f"{each.rollup} ends at {moment(each.last_ms)}, {counted(each.after, 'record')} came after it was taken out"
        )
    return told


def _json(each: Coverage) -> dict[str, object]:
    return {
        "before": each.before,
        "between": each.between,
        "after": each.after,
        "first_ms": each.first_ms,
        "last_ms": each.last_ms,
        "filled": each.filled,
        "missed": each.missed,
        "whole_from_ms": each.whole_from_ms,
    }
