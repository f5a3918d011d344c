"""Which records a rollup never saw: those read before it was added, after it was taken out, or in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataflow.pipeline.names import LEDGER
from dataflow.spoken import counted, moment
from dataflow.sql import quoted
from doctor.finding import Finding, ok, warning
from query.reader import LakeSnapshot

CHECK = "rollups"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Valid records that were read while the pipeline did not have a rollup, by when; times of commits, in ms.

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

    @property
    def is_whole(self) -> bool:
        """True when it saw every record."""
        return not (self.before or self.between or self.after)


def coverage(snapshot: LakeSnapshot, rollup: str) -> Coverage:
    """What the ledger tells of one rollup: its counts are NULL in ranges that were read without it."""
    row: Mapping[str, Any] = snapshot.query(
        'WITH lines AS (SELECT "read" - dead - duplicate AS valid, committed_at AS told,'
        f" {quoted(f'{rollup}_counted')} IS NOT NULL AS seen FROM {LEDGER}),"
        " known AS (SELECT min(told) FILTER (seen) AS first, max(told) FILTER (seen) AS last FROM lines),"
        " missed AS (SELECT valid, told, told < first AS early, coalesce(told > last, true) AS late"
        " FROM lines, known WHERE NOT seen AND valid > 0)"
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
    )


def coverage_finding(found: Sequence[Coverage]) -> Finding:
    """One finding for all rollups: a hole is a warning; a later beginning or an end is only told."""
    told = [text for each in found for text in _told(each)]
    details = {each.rollup: _json(each) for each in found if not each.is_whole}
    if not told:
        return ok(CHECK, "every rollup has seen every record")
    if any(each.between for each in found):
        return warning(
            CHECK,
            "; ".join(told),
            "its windows of that time stay too low: where they matter, fill a new lake from the start of the source",
            rollups=details,
        )
    return ok(CHECK, "; ".join(told), rollups=details)


def _told(each: Coverage) -> list[str]:
    if each.first_ms is None or each.last_ms is None:
        came = counted(each.after, "record")
        return [f"{each.rollup} has seen no record yet, {came} came before it"] if each.after else []
    told = []
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
    }
