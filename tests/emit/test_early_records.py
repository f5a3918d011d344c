"""An early record has the fields of the committed one, in their order, but for `quiet`, and says that it is early."""

from dataflow.alerts.early_judge import EarlyJudge
from dataflow.alerts.judge import RuleJudge
from dataflow.messages import NEVER_MS
from emit.early_records import early_records
from tests.dataflow.alerts.rules import Memory, clicks, delta


def test_a_raised_alert_is_written_as_its_commit_will_be() -> None:
    rule = clicks(message="{user} clicked “{ad}”")
    changes = EarlyJudge(RuleJudge(rule, Memory(rule))).raised(delta(("u", 7, 1, 3)), {}, over_ms=NEVER_MS)
    (record,) = early_records(changes)
    (alert_id,) = changes.column("alert_id").to_pylist()
    assert record.key == f'{{"alert_id": "{alert_id}"}}'
    assert record.value == (
        f'{{"alert_id": "{alert_id}", "change": 1, "state": "raised", "rule": "farm", "severity": "medium", '
        '"message": "u clicked “7”", "window_start": "1970-01-01T00:00:10Z", "window_end": "1970-01-01T00:00:20Z", '
        '"early": true, "key": {"user": "u", "ad": 7}, "values": {"clicks": 3, "spend": 0.75, "mean": 0.25}}'
    )
    assert (record.id, record.rule, record.alert_id, record.change) == (f"{alert_id}.1", "farm", alert_id, 1)
    assert early_records(changes.slice(0, 0)) == []
