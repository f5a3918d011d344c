"""Events as records: all that a server knows, and no label."""

import json

from dataflow.sources.generator.fraud.event import Act, record


def test_a_record_has_both_clocks_and_no_label() -> None:
    act = Act(1_000, "click", 7, 12, "click_farm", 3)
    assert json.loads(record("ab", act, 1_030)) == {
        "event_id": "ab",
        "event_time": 1_030,
        "device_ms": 1_000,
        "event_type": "click",
        "user_id": "user-00007",
        "ad_id": "ad-0012",
    }
