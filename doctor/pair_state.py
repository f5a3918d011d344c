"""What alert rules over pairs of events hold in memory: all events that another one in time can still meet."""

import pyarrow as pa

from dataflow.alerts.pair_judge import EVENT_BYTES, WAITING_BYTES
from dataflow.durations import to_text
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.sql import quoted
from doctor.alert_state import Held
from doctor.finding import Finding, ok
from query.moment import from_ms
from query.reader import Bound, LakeSnapshot

_END_BYTES = 4


def pair_state_finding(snapshot: LakeSnapshot, rule: PairPlan, after_ms: int, held: Held | None) -> Finding:
    """How many events since `after_ms` there are, and their memory; `held`: what a run says that it holds."""
    table = f"{rule.rollup.name}_delta"
    own = EVENT_BYTES if rule.missing is None else EVENT_BYTES + WAITING_BYTES
    sizes = [str(own), *(_size(field) for field in (*rule.keys, *rule.carried))]
    found = snapshot.query(
        f"SELECT count(*) AS events, coalesce(sum({' + '.join(sizes)}), 0)::BIGINT AS size"
        f" FROM {quoted(table)} WHERE row_count > 0 AND epoch_ms(window_start) >= {after_ms}::HUGEINT",
        bounds=[Bound(table, "window_start", from_ms(after_ms))],
    )
    rows, size = (found.column(name)[0].as_py() for name in ("events", "size"))
    told = (
        f"events of the last {to_text(rule.held_ms)} are held in memory, {rows:,} of them in about {size / 1e6:,.1f} MB"
    )
    details: dict[str, object] = {"rows": rows, "size_bytes": size}
    if held is not None:
        told += f"; the run holds {held.rows:,} in {held.size_bytes / 1e6:,.1f} MB"
        details |= {"held_rows": held.rows, "held_bytes": held.size_bytes}
    return ok(f"alerts.{rule.name}", told, **details)


def _size(field: pa.Field) -> str:
    """Bytes of a value, in SQL."""
    if pa.types.is_string(field.type):
        return f"coalesce(strlen({quoted(field.name)}), 0) + {_END_BYTES}"
    narrow = pa.types.is_date(field.type) or pa.types.is_boolean(field.type)
    return "4" if narrow else "16" if pa.types.is_decimal(field.type) else "8"
