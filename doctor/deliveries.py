"""What leaves the lake: whether each way out works, and how far it has come."""

import sqlite3
from collections.abc import Mapping, Sequence

from dataflow.pipeline.emit_plan import EmitPlan
from dataflow.spoken import counted, listed, moment
from doctor.finding import Finding, error, ok, warning
from runtime.delivery_mark import Undelivered
from sinks.lake.catalog.deliveries import deliveries

CHECK = "emit"


def delivery_finding(
    connection: sqlite3.Connection,
    ways: Sequence[EmitPlan],
    trouble: Mapping[str, Undelivered],
    *,
    running: bool,
) -> Finding:
    """One finding for all ways out of a pipeline with at least one. `trouble` is what the run says, while one is on."""
    sent = deliveries(connection)
    head = connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshot").fetchone()[0]
    details = {
        way.name: {"to": way.where, "snapshot": sent[way.name].snapshot if way.name in sent else None} for way in ways
    }
    failing = {way.name: trouble[way.name] for way in ways if way.name in trouble}
    if failing and running:
        told = [f"{name} since {moment(each.since)} ({each.reason})" for name, each in failing.items()]
        return error(
            CHECK,
            f"does not go out: {listed(told)}; the lake keeps all of it, and the run tries again",
            "mend what stands in the way; what waits is sent then, and nothing is sent twice",
            newest=head,
            ways=details,
        )
    never = [way.name for way in ways if way.name not in sent]
    if never or (failing and not running):
        names = listed(never or list(failing))
        fix = "start the pipeline: it sends what is there" if not running else "look again when a commit has come"
        return warning(CHECK, f"not all is sent of {names}", fix, newest=head, ways=details)
    least = min(each.snapshot for each in sent.values())
    return ok(
        CHECK, f"{counted(len(ways), 'way')} out, all sent up to snapshot {least} at least", newest=head, ways=details
    )
