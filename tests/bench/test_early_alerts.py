"""An alert's latency is that of the event that raised it, from its first record."""

import numpy as np
import pytest

from bench.early_alerts import as_markdown, event_of, latencies_ms, quantiles
from bench.measure import BenchError


def test_the_time_from_a_record_to_its_alert_counts_after_the_warm_up() -> None:
    records = {"a": 1_000.0, "b": 4_000.0, "c": 5_000.0}
    assert latencies_ms(records, {"a": 1_900.0, "b": 4_007.0, "x": 9.0}, 2.0).tolist() == [7.0]
    with pytest.raises(BenchError, match="no alert came"):
        latencies_ms(records, {"a": 1_900.0}, 2.0)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b'{"event_id": "e-1200"}', "e-1200"),
        (b'{"event_id": "e-1201", "user_id": "u00"}', None),
        (b'{"event_id": "e-1200"', None),
        (b"[]", None),
    ],
)
def test_only_events_of_the_rule_are_looked_for(value: bytes, name: str | None) -> None:
    assert event_of(value) == name


def test_each_run_has_a_line_for_both_topics() -> None:
    told = quantiles(np.arange(101.0))
    assert told == {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}
    lines = as_markdown({"250": {"early": told, "committed": told}}).splitlines()
    assert lines[2:] == [f"| 250 | {name} | 50.0 | 90.0 | 99.0 | 100.0 |" for name in ("early", "committed")]
