"""A position is remembered as a text, and read again."""

import pytest

from emit.position import Position
from sinks.lake.catalog.deliveries import Delivered


def test_a_position_is_read_as_it_was_written() -> None:
    for position in (Position(7, "2026-01-01 00:00:00.000000+00", -5), Position(0, "")):
        assert Position.of_text(position.text()) == position
        assert Position.of(position.delivered("alerts")) == position
    assert Position(7, "t", 3).delivered("minutes") == Delivered("minutes", 7, "t", 3)
    assert len(Position(2**62, "2026-01-01 00:00:00.000000+00", -(2**62)).text()) < 4096


@pytest.mark.parametrize("text", ["", "7", "{}", '{"snapshot": "x", "time": "", "final_ms": null}'])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no position"):
        Position.of_text(text)
