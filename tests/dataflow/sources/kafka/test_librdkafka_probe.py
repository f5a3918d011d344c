"""What the probe takes for known, and what it calls odd; on the installed librdkafka and on lies about it."""

import ctypes
import sys
from typing import Any

import pytest

from dataflow.sources.kafka import librdkafka_probe as probe
from dataflow.sources.kafka.librdkafka import Librdkafka
from dataflow.sources.kafka.librdkafka_probe import Message, Odd, examine

TOPIC = 0x7000
PAYLOAD = ctypes.create_string_buffer(probe._PAYLOAD)
KEY = ctypes.create_string_buffer(probe._KEY)


def message(**changes: Any) -> Message:
    """What comes back for the record that was never sent."""
    fields = {
        "error": probe._PURGED,
        "topic": TOPIC,
        "partition": probe._ANY_PARTITION,
        "payload": ctypes.addressof(PAYLOAD),
        "length": len(probe._PAYLOAD),
        "key": ctypes.addressof(KEY),
        "key_length": len(probe._KEY),
        "offset": probe._NO_OFFSET,
    }
    return Message(**{**fields, **changes})


def test_the_message_that_came_back_whole_is_known() -> None:
    probe._require_known(message(), TOPIC)


@pytest.mark.parametrize("field", ["error", "topic", "partition", "length", "key_length", "offset"])
def test_a_field_that_is_not_what_was_sent_is_odd(field: str) -> None:
    with pytest.raises(Odd, match="other fields than expected"):
        probe._require_known(message(**{field: 3}), TOPIC)


@pytest.mark.parametrize("field", ["payload", "key"])
def test_bytes_that_lie_elsewhere_are_odd(field: str) -> None:
    other = ctypes.create_string_buffer(64)
    with pytest.raises(Odd, match="elsewhere"):
        probe._require_known(message(**{field: ctypes.addressof(other)}), TOPIC)


def test_the_installed_library_keeps_its_opaque_where_the_probe_says() -> None:
    library = Librdkafka()
    assert library._opaque_at % 8 == 0
    assert 0 <= library._opaque_at < probe._CLIENT_BYTES


def test_no_memory_to_look_at_is_odd_and_not_a_guess() -> None:
    with pytest.raises(Odd, match="within itself"):
        examine(Librdkafka()._library, lambda address: 0)


def test_another_kind_of_machine_is_odd_before_anything_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "byteorder", "big")
    with pytest.raises(Odd, match="little endian"):
        examine(None, lambda address: 0)
