"""Records that lack required fields: another topic's, an envelope's, or the same under other keys."""

from dataflow.losses.missing import missing_cause
from tests.dataflow.losses.events import MILLIS

EVENT: dict[str, object] = {"ad_id": "a", "user_id": "u", "at": 1}


def test_records_of_another_topic_are_told_with_what_is_missing_and_what_is_there() -> None:
    found = missing_cause(MILLIS, {"order": 1, "shop": "s", "at": 5})
    assert found is not None
    assert "missing: ad_id, user_id; the example has the keys order, shop, at" in found.what
    assert "another topic" in found.what
    assert "--topic" in found.fix


def test_one_missing_field_of_many_is_not_called_another_topic() -> None:
    found = missing_cause(MILLIS, {**EVENT, "ad_id": None})
    assert found is not None
    assert "another topic" not in found.what
    assert "missing: ad_id;" in found.what


def test_an_event_inside_an_envelope_is_found_there() -> None:
    found = missing_cause(MILLIS, {"schema": {"type": "struct"}, "payload": EVENT})
    assert found is not None
    assert "inside its key payload" in found.what
    assert "schemas.enable=false" in found.fix


def test_a_key_that_is_written_otherwise_is_named_with_its_alias() -> None:
    found = missing_cause(MILLIS, {"adId": "a", "USER-ID": "u", "at": 1})
    assert found is not None
    assert 'ad_id: ... = Field(alias="adId"), user_id: ... = Field(alias="USER-ID")' in found.fix


def test_a_record_without_any_key_and_one_that_has_all_are_told_apart() -> None:
    found = missing_cause(MILLIS, {})
    assert found is not None
    assert "no key at all" in found.what
    assert missing_cause(MILLIS, EVENT) is None
