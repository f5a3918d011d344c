"""What has left a lake because it is older than it is kept: nothing to compare, and no difference."""

from collections.abc import Mapping

from dataflow.pipeline.names import DEAD_LETTERS, EVENTS, LATE_EVENTS
from dataflow.pipeline.plan import Plan
from dataflow.spoken import counted, moment
from dataflow.sql import quoted, text
from proof.ledger import read_ledger
from query.reader import LakeReader, LakeSnapshot
from sinks.lake.catalog.left import Left, left
from sinks.lake.catalog.sqlite import told

ROW_TABLES = (EVENTS, DEAD_LETTERS, LATE_EVENTS)


def left_of(reader: LakeReader) -> dict[str, Left]:
    """What has left the reader's lake by now, by rollup or row table."""
    catalog = reader.resolver.catalog()
    with told(catalog.path, catalog.busy_ms):
        return left(catalog.connection)


def time_column(plan: Plan, table: str) -> str | None:
    """The column whose time lets rows of a row table leave; None for dead letters, which have none."""
    return {EVENTS: plan.event.event_time.name, LATE_EVENTS: "watermark"}.get(table)


def what_left(name: str, gone: Left) -> tuple[str, str]:
    """What cannot be compared, and why."""
    at = moment(gone.before_ms)
    if name not in ROW_TABLES:
        return f"{name}: windows that ended by {at}", "they have left the lake, as `keep` says"
    rows = counted(gone.rows, "row")
    return f"{name} before {at}", f"{rows} left the lake, as `{name}_keep` says; the ledger keeps their counts"


def kept_sql(gone: Mapping[str, Left], plan: Plan, live: LakeSnapshot) -> dict[str, str]:
    """Per rollup or row table of which something has left: a condition for what is certainly kept.

    It is over the columns of `proof.dump.contents`, and holds in any lake of the same source. `live` is the lake's own.
    """
    found: dict[str, str] = {}
    lines = read_ledger(live) if DEAD_LETTERS in gone else {}
    for name, each in gone.items():
        column = time_column(plan, name)
        if name not in ROW_TABLES:
            found[name] = f"window_end > {each.before_ms}"
        elif column is not None:
            found[name] = f"{quoted(column)} >= {each.before_ms}"
        else:
            ends = {
                partition: max((line.entry.end for line in held if line.snapshot <= each.through), default=0)
                for partition, held in lines.items()
            }
            parts = [
                f"({quoted('partition')} = {text(at)} AND {quoted('offset')} >= {end})" for at, end in ends.items()
            ]
            found[name] = " OR ".join(parts) or "true"
    return found
