"""What the metrics say."""

from prometheus_client import REGISTRY

from dataflow.messages import Judged
from runtime.metrics import observe_intake


def value(name: str, partition: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"partition": partition})


def test_what_may_be_read_and_what_waits_behind_a_transaction_are_two_metrics() -> None:
    heartbeat = Judged("m/0", "m", 50, 50, max_event_time=None, finished=False)
    observe_intake(heartbeat, 7, 101)
    assert value("tidemill_lag_records", "m/0") == 7
    assert value("tidemill_waiting_records", "m/0") == 101
    observe_intake(heartbeat, None, None)
    assert value("tidemill_waiting_records", "m/0") == 101
    observe_intake(heartbeat, 0, 0)
    assert value("tidemill_waiting_records", "m/0") == 0


def test_an_input_without_transactions_has_no_metric_of_them() -> None:
    observe_intake(Judged("m/1", None, 0, 0, max_event_time=None, finished=False), 3, None)
    assert value("tidemill_lag_records", "m/1") == 3
    assert value("tidemill_waiting_records", "m/1") is None


def test_the_watermark_is_the_one_by_which_the_records_were_judged() -> None:
    observe_intake(Judged("m/2", "m", 0, 1, max_event_time=9_000, watermark=8_000), None, None)
    observe_intake(Judged("m/2", "m", 1, 1, max_event_time=9_000), None, None)
    assert value("tidemill_watermark_ms", "m/2") == 8_000
