"""A hint in the recovery folder says what does not go out, since when and why."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from runtime.delivery_mark import NAME, DeliveryMark, Undelivered

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_failure_is_told_from_its_first_time_until_it_works_again(tmp_path: Path) -> None:
    mark = DeliveryMark(tmp_path)
    assert mark.read() == {}
    mark.fails("a", "down", NOW)
    mark.fails("a", "still down", NOW + timedelta(minutes=1))
    mark.fails("b", "no topic", NOW)
    assert DeliveryMark(tmp_path).read() == {"a": Undelivered("still down", NOW), "b": Undelivered("no topic", NOW)}
    mark.works("a")
    assert mark.read().keys() == {"b"}
    mark.works("b")
    assert not (tmp_path / NAME).exists()
    mark.fails("a", "down", NOW)
    mark.clear()
    assert mark.read() == {}


def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"a": 1}')
    assert DeliveryMark(tmp_path).read() == {}
